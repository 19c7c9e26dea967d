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
from repropack.errors import ComputedError, InvalidError
from repropack.findings import Where

MOST_DEPTH = 20
FILE = re.compile(r"[\w./-]+\.(?:txt|in|pip)")
SAY_IT = "write the dependencies into a requirements.txt, and name it in repropack.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One requirement, or a file of the source that holds some (`-r` in `text`)."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a file asks for: `install_requires`, and each extra with its requirements."""

    items: tuple[Item, ...]
    extras: tuple[tuple[str, tuple[Item, ...]], ...] = ()

    @property
    def extra_names(self) -> tuple[str, ...]:
        """The extras that the project has, but for those that are a marker alone (`:python…`)."""
        return tuple(dict.fromkeys(name for name, _ in self.extras if name))

    def of_extra(self, name: str) -> tuple[Item, ...]:
        """What an extra asks for."""
        return tuple(item for extra, items in self.extras if extra == name for item in items)


def setup_cfg(text: str, path: str) -> Said:
    """`install_requires` and `extras_require`, or the files that hold them.

    Raises `InvalidError`.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text.removeprefix("\ufeff"), source=path)
    except configparser.Error as error:
        reason = str(error).splitlines()[0]
        raise InvalidError(f"{path} cannot be read: {reason}", hint="mend the file") from error
    section = "options.extras_require"
    extras = parser.items(section) if parser.has_section(section) else []
    return Said(
        items=cfg_items(parser.get("options", "install_requires", fallback=""), text, path),
        extras=tuple((name.strip(), cfg_items(value, text, path)) for name, value in extras),
    )


def cfg_items(value: str, text: str, path: str) -> tuple[Item, ...]:
    """The requirements in one value of setup.cfg."""
    if value.strip().startswith("file:"):
        names = value.strip().removeprefix("file:").replace(",", " ").split()
        return tuple(Item(text=f"-r {name}", where=Where(path=path)) for name in names)
    return tuple(
        Item(text=line, where=Where(path=path, line=line_of(line, text)))
        for raw in value.splitlines()
        for line in [raw.strip()]
        if line and not line.startswith("#")
    )


def setup_py(text: str, path: str) -> Said:
    """What a setup.py hands to `setup`. Raises `InvalidError` with the line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.removeprefix("\ufeff"))
        setup = _Setup(tree, path)
        return Said(items=tuple(setup.items()), extras=tuple(setup.extras()))
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
            for node in self._arguments(call, "install_requires"):
                yield from self._texts(node, 0)

    def extras(self) -> Iterator[tuple[str, tuple[Item, ...]]]:
        """The extras that are literals; one that is computed is known by its name alone."""
        for call in self.calls:
            for node in self._arguments(call, "extras_require"):
                for value in self._named(node):
                    for key, needs in self._pairs(value):
                        yield key, self._of_extra(needs)

    def _of_extra(self, needs: ast.expr) -> tuple[Item, ...]:
        try:
            return tuple(self._texts(needs, 0))
        except InvalidError:
            return ()

    def _arguments(self, call: ast.Call, word: str) -> Iterator[ast.expr]:
        """`install_requires=…`, also in a dictionary that is unpacked: `setup(**options)`."""
        for keyword in call.keywords:
            if keyword.arg == word:
                yield keyword.value
            elif keyword.arg is None:
                for value in self._named(keyword.value):
                    yield from (inner for key, inner in self._pairs(value) if key == word)

    def _named(self, node: ast.expr) -> list[ast.expr]:
        return self.values.get(node.id, []) if isinstance(node, ast.Name) else [node]

    def _pairs(self, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        """The entries of `{"a": …}` and of `dict(a=…)`."""
        if isinstance(value, ast.Call):
            yield from ((word.arg, word.value) for word in value.keywords if word.arg)
        if isinstance(value, ast.Dict):
            for key, inner in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, inner

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
            raise ComputedError(
                f"{where}: install_requires is computed: `{ast.unparse(node)[:80]}`",
                path=self.path,
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
