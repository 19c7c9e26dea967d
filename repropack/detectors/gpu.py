"""Whether the code uses a GPU, and whether it can do without one."""

from __future__ import annotations

import ast
from typing import Final

from repropack.detectors.code import Call, Code
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Where

FRAMEWORK: Final = "gpu.framework"  # a library that can use a GPU is imported
CHECK: Final = "gpu.check"  # the code asks whether there is one
USE: Final = "gpu.use"  # used without asking
GUARDED_USE: Final = "gpu.guarded-use"  # used below an `if`, or in a file that asks
AUTOMATIC: Final = ("tensorflow", "jax")  # take a GPU by themselves when there is one
_FRAMEWORKS: Final = ("torch", "tensorflow", "jax", "cupy", "numba", "paddle", "mxnet")
_CHECKS: Final = (
    "cuda.is_available",
    "cuda.device_count",
    "list_physical_devices",
    "is_gpu_available",
    "jax.devices",
    "cuda.is_current_stream_capturing",
)
_PARSER_CALLS: Final = (".add_argument", "click.option", "Option", "get", "getenv")


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return where each framework is first imported; checks and uses, one of each per file."""
    frameworks: dict[str, Finding] = {}
    uses: list[Finding] = []
    for code in reading.code:
        for finding in _frameworks(code):
            frameworks.setdefault(finding.value, finding)
        uses += _uses(code)
    return (*frameworks.values(), *uses)


def _frameworks(code: Code) -> list[Finding]:
    return [
        Finding(
            kind=FRAMEWORK,
            value=name,
            because=f"{name} is imported",
            where=Where(path=code.path, line=code.imports[name]),
        )
        for name in _FRAMEWORKS
        if name in code.imports
    ]


def _uses(code: Code) -> list[Finding]:
    check = next((c for c in code.calls if c.name.endswith(_CHECKS)), None)
    uses = [call for call in code.calls if _is_use(call, code)]
    found = []
    if check is not None:
        found.append(_finding(CHECK, check.name, code, check.line, "asks whether there is a GPU"))
    free = [call for call in uses if not call.guarded]
    if free and check is None:
        found.append(
            _finding(USE, _shown(free[0]), code, free[0].line, "uses CUDA unconditionally")
        )
    elif uses:
        first = uses[0]
        found.append(
            _finding(GUARDED_USE, _shown(first), code, first.line, "uses CUDA on condition")
        )
    if "cupy" in code.imports and check is None:
        found.append(_finding(USE, "cupy", code, code.imports["cupy"], "works only with CUDA"))
    return found


def _is_use(call: Call, code: Code) -> bool:
    if call.name.endswith(_PARSER_CALLS):
        return False
    if call.name.endswith(".cuda") and call.name != "torch.cuda":
        return True
    first = call.argument(0)
    if call.name.endswith((".to", "device", "set_default_device")) and _is_cuda(first, code):
        return True
    return any(k.arg == "device" and _is_cuda(k.value, code) for k in call.node.keywords)


def _is_cuda(node: ast.expr | None, code: Code) -> bool:
    value = code.value_of(node)
    if isinstance(value, ast.JoinedStr) and value.values:
        value = code.value_of(value.values[0])
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and value.value.startswith("cuda")
    )


def _shown(call: Call) -> str:
    last = call.name.rpartition(".")[2]
    return f".{last}()" if last == "cuda" else f'{last}("cuda")'


def _finding(kind: str, value: str, code: Code, line: int, because: str) -> Finding:
    return Finding(kind=kind, value=value, because=because, where=Where(path=code.path, line=line))
