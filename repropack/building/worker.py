"""The build of one wheel, inside: run by the base's Python in a container without a network.

    python worker.py ROOT          everything is below ROOT/build: order.json, wheels, the sources

Owns: the environment of the build and the calls of its backend (PEP 517, PEP 660). It leaves
`result.json` and the wheel in ROOT/build/out, or `missing.json` with requirements that the backend
asks for besides those that were declared. Does not own: what is brought (`trying`), what a failure
means (`diagnosing`). Standard library only, Python 3.7 or newer: it runs on whatever base there is.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

MISSING = 20
NO_HOOK = 21
LEFT_OUT = re.compile(
    r"(^|/)(build|dist|__pycache__|\.git|[^/]+\.egg-info|CMakeFiles)(/|$)"
    r"|\.(o|obj|d|c|cc|cpp|cxx|pyc|whl|log)$"
)


def main() -> int:
    """Prepare, then build in the prepared environment."""
    build = Path(sys.argv[1]).resolve() / "build"
    order = json.loads((build / "order.json").read_text("utf-8"))
    if len(sys.argv) > 2:
        return make(build, order)
    unpack(build, order)
    python = prepare(build, order)
    variables = {**os.environ, **order["variables"], "PYTHONNOUSERSITE": "1"}
    programs = [str(python.parent), variables["PATH"]]
    if order["cuda"]:
        home = cuda_home(python.parent.parent, order["cuda"])
        programs.insert(1, str(home / "bin"))
        variables.update(CUDA_HOME=str(home), CUDA_PATH=str(home), CUDACXX=str(home / "bin/nvcc"))
    variables["PATH"] = os.pathsep.join(programs)
    command = [str(python), str(Path(__file__).resolve()), sys.argv[1], "make"]
    return subprocess.call(command, cwd=str(project(build, order)), env=variables)


def source(build: Path, order: dict[str, Any]) -> Path:
    """Where the sources are: an editable install points there."""
    return build.parent / "work" if order["editable"] else build / "source"


def project(build: Path, order: dict[str, Any]) -> Path:
    """The directory of the project in the sources."""
    return source(build, order) / str(order["subdirectory"])


def unpack(build: Path, order: dict[str, Any]) -> None:
    """The archive, if there is one; a source distribution has one directory at its top."""
    if not order["archive"]:
        return
    archive, unpacked = build / order["archive"], build / "unpacked"
    if zipfile.is_zipfile(str(archive)):
        with zipfile.ZipFile(str(archive)) as file:
            file.extractall(str(unpacked))
    else:
        with tarfile.open(str(archive)) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(str(unpacked), filter="data")
            else:
                tar.extractall(str(unpacked))
    for path in unpacked.rglob("*"):
        if path.is_file() and not path.is_symlink():  # zip files hold no time before 1980
            os.utime(str(path), (order["time_s"], order["time_s"]))
    tops = list(unpacked.iterdir())
    single = len(tops) == 1 and tops[0].is_dir()
    (tops[0] if single else unpacked).rename(build / "source")


def prepare(build: Path, order: dict[str, Any]) -> Path:
    """A virtual environment with the build's requirements; gives its Python."""
    environment, uv = build / "env", order["uv_program"]
    python = environment / "bin" / "python"
    offline = ["--offline", "--no-cache", "--no-config"]
    if uv:
        words = ["--python", order["python"], "--no-python-downloads", "--no-project"]
        run([uv, "venv", *words, *offline, str(environment)])
    else:
        run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    wheels = sorted(str(path) for path in (build / "wheels").glob("*.whl"))
    if wheels:
        uv = uv or unpacked_uv(build, order)
        words = ["--no-index", "--no-deps", "--link-mode", "copy", *offline]
        run([uv, "pip", "install", "--quiet", "--python", str(python), *words, *wheels])
    return python


def cuda_home(environment: Path, place: str) -> Path:
    """The toolkit, laid out as NVIDIA's installer does: its packages lack the linker's names."""
    if place != "packages":
        return Path(place)
    found = environment.glob("lib/python*/site-packages/nvidia/*/bin/nvcc")
    home = next((path.parent.parent for path in found), None)
    if home is None:
        sys.exit("the packages of the toolkit have no nvcc")
    for name in ("lib64", "lib"):
        if not (home / name).exists():
            (home / name).symlink_to("lib" if name == "lib64" else "lib64")
    for library in sorted((home / "lib").glob("lib*.so.*")):
        short = library.with_name(library.name.partition(".so.")[0] + ".so")
        if not short.exists():
            short.symlink_to(library.name)
    return home


def unpacked_uv(build: Path, order: dict[str, Any]) -> str:
    """The installer, out of its wheel."""
    with zipfile.ZipFile(str(build / order["uv"])) as file:
        file.extractall(str(build / "uv"))
    program = next((build / "uv").glob("*.data/scripts/uv"))
    program.chmod(0o755)
    return str(program)


def run(command: list[str]) -> None:
    """A command that has to work."""
    code = subprocess.call(command)
    if code:
        sys.exit(code)


def make(build: Path, order: dict[str, Any]) -> int:
    """Call the backend. Its directory is the working directory, as PEP 517 demands."""
    sys.path[0:1] = [str(Path(path).resolve()) for path in order["backend_path"]]
    out = build / "out"
    module, _, inside = order["backend"].partition(":")
    backend = importlib.import_module(module)
    for name in inside.split(".") if inside else ():
        backend = getattr(backend, name)
    kind = "editable" if order["editable"] else "wheel"
    if not hasattr(backend, "build_" + kind):
        return NO_HOOK
    asked: list[str] = getattr(backend, "get_requires_for_build_" + kind, list)()
    missing = [] if order["settled"] else [need for need in asked if not is_there(need)]
    if missing:
        (out / "missing.json").write_text(json.dumps(missing), "utf-8")
        return MISSING
    root = source(build, order)
    before = files_of(root) if order["editable"] else {}
    wheel = getattr(backend, "build_" + kind)(str(out))
    overlay = changed(root, before, out / "overlay") if order["editable"] else []
    result = {"wheel": wheel, "overlay": overlay}
    (out / "result.json").write_text(json.dumps(result), "utf-8")
    return 0


def is_there(need: str) -> bool:
    """Whether a requirement's distribution is installed; its version was resolved already."""
    from importlib import metadata

    name = re.match(r"\s*([A-Za-z0-9._-]+)", need)
    try:
        metadata.distribution(name[1] if name else need)
    except metadata.PackageNotFoundError:
        return False
    return True


def files_of(root: Path) -> dict[str, str]:
    """Every file below a directory with the hash of its content."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def changed(root: Path, before: dict[str, str], copies: Path) -> list[str]:
    """Copies of the files that the build made in the sources: compiled modules, a version."""
    names = []
    for name, content in sorted(files_of(root).items()):
        if before.get(name) != content and not LEFT_OUT.search(name):
            (copies / name).parent.mkdir(parents=True, exist_ok=True)
            (copies / name).write_bytes((root / name).read_bytes())
            names.append(name)
    return names


if __name__ == "__main__":
    sys.exit(main())
