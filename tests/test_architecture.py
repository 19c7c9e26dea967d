"""The rules of docs/architecture.md that a machine can check."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "repropack"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAY_START_PROCESSES = (
    *("source/git.py", "signing.py", "environment/", "engines/", "judge/processes.py"),
    *("conda/solving.py", "conda/installer.py", "building/worker.py"),
)
PROGRAMS = (
    "cli/",
    "judge/__main__",
    "judge/commands",
    "__main__",
    "conda/fetcher",
    "conda/installer",
    "building/worker.py",
    "environment/unbuilt.py",
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def names() -> list[str]:
    """Modules as test ids."""
    return [path.relative_to(PACKAGE).as_posix() for path in MODULES]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_layers() -> None:
    """Imports point one way, and third-party packages stay behind their fences."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=names())
def test_module(path: Path) -> None:
    """A module is short, says what it is, and has a name that means something."""
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))
    assert path.stem not in VAGUE


def test_functions_are_short() -> None:
    """No function is longer than 60 lines, and half of them have at most 12."""
    lengths = {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}": length(node)
        for path in MODULES
        for node in functions(path)
    }
    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}
    assert statistics.median(lengths.values()) <= 12


@pytest.mark.parametrize("path", MODULES, ids=names())
def test_only_some_start_processes(path: Path) -> None:
    """git, uv, pip, engines and experiments are started by their own modules only."""
    relative = path.relative_to(PACKAGE).as_posix()
    if not relative.startswith(MAY_START_PROCESSES):
        assert "subprocess" not in imports(path)


@pytest.mark.parametrize("path", MODULES, ids=names())
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    """`print` and `sys.exit` belong to cli, and to the programs that travel in bundles."""
    relative = path.relative_to(PACKAGE).as_posix()
    if relative.startswith(PROGRAMS):
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "sys.exit", "exit"}, node.lineno


def test_help_is_fast_because_it_imports_little() -> None:
    """`repropack --help` imports nothing heavy."""
    code = (
        "import sys; sys.argv = ['repropack', '--help']\n"
        "from repropack.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'docker', 'jinja2', 'yaml', 'packaging', 'requests', 'pynvml', 'uv', 'pip'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr.strip() == "[]"
    assert "Usage: repropack" in done.stdout


def test_every_test_says_what_it_proves() -> None:
    """Each test's docstring names the behaviour that it proves."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []
