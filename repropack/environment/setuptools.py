"""setup.py and setup.cfg, read statically: nothing of the source is ever executed.

Owns: `install_requires`, as a literal, a variable, a sum of these, or the lines of a file of the
source. Does not own: what the requirements mean (`requirements`).
"""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from repropack.environment.tomlfile import line_of
from repropack.errors import InvalidError
from repropack.findings import Where

MOST_DEPTH = 20
FILE = re.compile(r"[\w./-]+\.(?:txt|in|pip)")
SAY_IT = "write the dependencies into a requirements.txt, and name it in repropack.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One requirement, or a file of the source that holds some (`-r` in `text`)."""

    text: str
    where: Where


def setup_cfg_items(text: str, path: str) -> tuple[Item, ...]:
    """The requirements of `[options] install_requires`, or the files that hold them."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text.removeprefix("\ufeff"), source=path)
    except configparser.Error as error:
        reason = str(error).splitlines()[0]
        raise InvalidError(f"{path} cannot be read: {reason}", hint="mend the file") from error
    value = parser.get("options", "install_requires", fallback="")
    if value.strip().startswith("file:"):
        names = value.strip().removeprefix("file:").replace(",", " ").split()
        return tuple(Item(text=f"-r {name}", where=Where(path=path)) for name in names)
    return tuple(
        Item(text=line, where=Where(path=path, line=line_of(line, text)))
        for raw in value.splitlines()
        for line in [raw.strip()]
        if line and not line.startswith("#")
    )


def setup_py_items(text: str, path: str) -> tuple[Item, ...]:
    """The requirements that a setup.py hands to `setup`. Raises `InvalidError` with the line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.removeprefix("\ufeff"))
        return tuple(_Setup(tree, path).items())
    except (SyntaxError, ValueError, RecursionError) as error:
        raise InvalidError(f"{path} is not Python 3: {error}", hint=SAY_IT) from error


class _Setup:
    def __init__(self, tree: ast.Module, path: str) -> None:
        self.path = path
        self.values: dict[str, list[ast.expr]] = {}
        self.functions: dict[str, ast.AST] = {}
        self.calls: list[ast.Call] = []
        for node in ast.walk(tree):
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.values.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            self.values.setdefault(node.optional_vars.id, []).append(node.context_expr)
        elif isinstance(node, ast.FunctionDef):
            self.functions[node.name] = node
        elif isinstance(node, ast.Call) and _name(node.func) == "setup":
            self.calls.append(node)

    def items(self) -> Iterator[Item]:
        for call in self.calls:
            for node in self._requirements(call):
                yield from self._texts(node, 0)

    def _requirements(self, call: ast.Call) -> Iterator[ast.expr]:
        """`install_requires=…`, also in a dictionary that is unpacked: `setup(**options)`."""
        for keyword in call.keywords:
            if keyword.arg == "install_requires":
                yield keyword.value
            elif keyword.arg is None:
                yield from self._in_dictionary(keyword.value)

    def _in_dictionary(self, node: ast.expr) -> Iterator[ast.expr]:
        for value in self.values.get(node.id, []) if isinstance(node, ast.Name) else [node]:
            if isinstance(value, ast.Call):  # dict(install_requires=…)
                yield from (k.value for k in value.keywords if k.arg == "install_requires")
            if isinstance(value, ast.Dict):
                for key, inner in zip(value.keys, value.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "install_requires":
                        yield inner

    def _texts(self, node: ast.expr, depth: int) -> Iterator[Item]:
        where = Where(path=self.path, line=node.lineno)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            for element in node.elts:
                yield from self._texts(element, depth + 1)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for line in filter(None, map(str.strip, node.value.splitlines())):
                yield Item(text=line, where=where)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from self._texts(node.left, depth + 1)
            yield from self._texts(node.right, depth + 1)
        elif isinstance(node, ast.Starred):
            yield from self._texts(node.value, depth + 1)
        elif (value := self._value(node)) is not None and depth < MOST_DEPTH:
            yield from self._texts(value, depth + 1)
        else:
            yield from self._files(node, where)

    def _value(self, node: ast.expr) -> ast.expr | None:
        """The one literal that a name stands for."""
        values = self.values.get(node.id, []) if isinstance(node, ast.Name) else []
        literal = isinstance(values[0], ast.List | ast.Tuple | ast.BinOp) if values else False
        return values[0] if len(values) == 1 and literal else None

    def _files(self, node: ast.expr, where: Where) -> Iterator[Item]:
        """What is computed: from a file of the source whose name stands in the computation."""
        names = list(dict.fromkeys(self._file_names(node, set())))
        if not names:
            raise InvalidError(
                f"{where}: install_requires is computed, and setup.py is never executed: "
                f"`{ast.unparse(node)[:80]}`",
                hint=SAY_IT,
            )
        for name in names:
            yield Item(text=f"-r {name}", where=where)

    def _file_names(self, node: ast.AST, seen: set[str]) -> Iterator[str]:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                match = FILE.fullmatch(inner.value)
                if match:
                    yield inner.value.removeprefix("./")
            name = inner.id if isinstance(inner, ast.Name) else ""
            if name and name not in seen:
                seen.add(name)
                related = [*self.values.get(name, []), *filter(None, [self.functions.get(name)])]
                for value in related:
                    yield from self._file_names(value, seen)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
