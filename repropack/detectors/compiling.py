"""Code that compiles: CUDA extensions of the project, and what compiles when it runs."""

from __future__ import annotations

import posixpath
from typing import Final

from repropack.detectors.code import Call, Code, parse_code
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where

EXTENSION: Final = "cuda.extension"  # a setup.py that builds with nvcc
LOADS: Final = "cuda.loads-extension"  # compiles with nvcc when it runs
COMPILES: Final = "cuda.compiles"  # compiles C when it runs
MAX_SETUP_FILES: Final = 20
_EXTENSIONS: Final = ("CUDAExtension",)
_LOADERS: Final = ("cpp_extension.load", "cpp_extension.load_inline")
_COMPILERS: Final = ("torch.compile", "triton.jit")


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return the first place of each kind in each file."""
    found = []
    for code in reading.code:
        found += _first(code, LOADS, _LOADERS, "compiles a CUDA extension when it runs")
        found += _first(code, COMPILES, _COMPILERS, "compiles C code when it runs")
        if "triton" in code.imports:
            found.append(_finding(COMPILES, "triton", code, code.imports["triton"], "is imported"))
    return (*found, *_extensions(reading))


def _extensions(reading: Reading) -> list[Finding]:
    """Each setup.py with CUDA code: somebody must have run it before the experiment."""
    because = "builds a CUDA extension; the image has it only if a locked package is built from it"
    paths = [path for path in reading.sizes if posixpath.basename(path) == "setup.py"]
    found = []
    for path in sorted(paths, key=lambda path: (path.count("/"), path))[:MAX_SETUP_FILES]:
        text = reading.text(path) or ""
        if _EXTENSIONS[0] in text:
            code = parse_code(path, text)
            found += _first(code, EXTENSION, _EXTENSIONS, because, Severity.WARNING)
    return found


def _first(
    code: Code,
    kind: str,
    names: tuple[str, ...],
    because: str,
    severity: Severity = Severity.INFO,
) -> list[Finding]:
    call = next((call for call in code.calls if _is(call, names)), None)
    if call is None:
        return []
    return [_finding(kind, call.name, code, call.line, because, severity)]


def _is(call: Call, names: tuple[str, ...]) -> bool:
    return any(call.name == name or call.name.endswith(f".{name}") for name in names)


def _finding(
    kind: str,
    value: str,
    code: Code,
    line: int,
    because: str,
    severity: Severity = Severity.INFO,
) -> Finding:
    where = Where(path=code.path, line=line)
    return Finding(kind=kind, value=value, because=because, where=where, severity=severity)
