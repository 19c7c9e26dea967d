"""One Python file as facts: imports, calls, assignments, and where its program starts.

Owns: the only pass over the syntax tree. Does not own: what a call means (the detectors).
Names are flat: a project's scripts are short, and a wrong guess is only a wrong suggestion.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

_LEAVES: Final = frozenset((ast.Name, ast.Constant, ast.Load, ast.Store, ast.Pass, ast.alias))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `name` is dotted, import aliases resolved: `torch.device`, `model.cuda`, `.cuda`.

    `guarded` says that it stands below an `if`, a conditional expression or a `try`.
    """

    name: str
    node: ast.Call
    guarded: bool

    @property
    def line(self) -> int:
        """The 1-based line."""
        return self.node.lineno

    def argument(self, index: int, keyword: str = "") -> ast.expr | None:
        """Return a positional argument or, by its name, a keyword argument."""
        if index < len(self.node.args):
            return self.node.args[index]
        return next((k.value for k in self.node.keywords if keyword and k.arg == keyword), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A parsed file, or why it is not one (`error`, with its line).

    `assigned` holds every value that a name gets, `items` every `name["key"] = value`,
    `set_attributes` every `a.b.c = value` with the dotted name, import aliases resolved,
    `main_line` where `if __name__ == "__main__"` stands, `acts_line` where the file does
    something by itself when it is run (a call, a loop), not counting definitions. `optional` are
    imports that stand below an `if` or a `try` only.
    """

    path: str
    imports: dict[str, int] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    calls: tuple[Call, ...] = ()
    names: dict[int, str] = field(default_factory=dict)  # of each call, by the id of its node
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)
    items: dict[str, list[tuple[str, ast.expr]]] = field(default_factory=dict)
    set_attributes: tuple[tuple[str, ast.expr], ...] = ()
    main_line: int | None = None
    acts_line: int | None = None
    error: str = ""
    error_line: int | None = None

    def value_of(self, node: ast.expr | None) -> ast.expr | None:
        """Return the one value of a name, the node itself when it is no name."""
        if not isinstance(node, ast.Name):
            return node
        values = self.assigned.get(node.id, [])
        return values[0] if len(values) == 1 else None


def parse_code(path: str, text: str) -> Code:
    """Return the facts of one file; never raises, never runs anything."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's business
            tree = ast.parse(text)
        collector = _Collector()
        collector.visit(tree)
    except SyntaxError as error:
        return Code(path=path, error=f"not Python 3: {error.msg}", error_line=error.lineno)
    except (ValueError, RecursionError, MemoryError) as error:
        return Code(path=path, error=f"cannot be parsed: {error}")
    return Code(
        path=path,
        imports=collector.imports,
        optional=frozenset(collector.imports) - collector.needed,
        calls=tuple(collector.calls),
        names={id(call.node): call.name for call in collector.calls},
        assigned=collector.assigned,
        items=collector.items,
        set_attributes=tuple(collector.set_attributes),
        main_line=collector.main_line,
        acts_line=_acts_line(tree),
    )


def module_of(dotted: str) -> str:
    """What of an imported name tells its distribution: the top module, except in `google`.

    Several distributions share that one: `google.auth`, `google.cloud.storage`.
    """
    parts = dotted.split(".")
    if parts[0] != "google":
        return parts[0]
    return ".".join(parts[: 3 if parts[1:2] == ["cloud"] else 2])


class _Collector:
    """A visitor of its own: `ast.NodeVisitor` takes three times as long, and this is most of it."""

    def __init__(self) -> None:
        self.imports: dict[str, int] = {}
        self.needed: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.calls: list[Call] = []
        self.assigned: dict[str, list[ast.expr]] = {}
        self.items: dict[str, list[tuple[str, ast.expr]]] = {}
        self.set_attributes: list[tuple[str, ast.expr]] = []
        self.main_line: int | None = None
        self._guards = 0
        self._visitors: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.Import: self.visit_import,
            ast.ImportFrom: self.visit_import_from,
            ast.If: self.visit_if,
            ast.IfExp: self._below_guard,
            ast.Try: self._below_guard,
            ast.Call: self.visit_call,
            ast.Assign: self.visit_assign,
            ast.AnnAssign: self.visit_annotated,
            ast.withitem: self.visit_with_item,
        }

    def visit(self, node: ast.AST) -> None:
        """A node and everything below it."""
        visitor = self._visitors.get(type(node))
        if visitor is None:
            self._below(node)
        else:
            visitor(node)

    def _below(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            for child in value if type(value) is list else (value,):
                if isinstance(child, ast.AST) and type(child) not in _LEAVES:
                    self.visit(child)

    def visit_import(self, node: ast.Import) -> None:
        for name in node.names:
            root = name.name.partition(".")[0]
            self._import(module_of(name.name), node.lineno)
            self.aliases[name.asname or root] = name.name if name.asname else root

    def visit_import_from(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            return
        for name in node.names:
            self._import(module_of(f"{node.module}.{name.name}"), node.lineno)
            self.aliases[name.asname or name.name] = f"{node.module}.{name.name}"

    def _import(self, module: str, line: int) -> None:
        self.imports.setdefault(module, line)
        if not self._guards:
            self.needed.add(module)

    def visit_if(self, node: ast.If) -> None:
        if _is_main_test(node.test):
            self.main_line = self.main_line or node.lineno
            self._below(node)
        else:
            self._below_guard(node)

    def _below_guard(self, node: ast.AST) -> None:
        self._guards += 1
        self._below(node)
        self._guards -= 1

    def visit_call(self, node: ast.Call) -> None:
        name = self._dotted(node.func)
        self.calls.append(Call(name=name, node=node, guarded=self._guards > 0))
        self._below(node)

    def visit_assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self._below(node)

    def visit_annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)
        self._below(node)

    def visit_with_item(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._assign(node.optional_vars, node.context_expr)
        self._below(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.assigned.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Attribute):
            self.set_attributes.append((self._dotted(target), value))
        elif isinstance(target, ast.Subscript):
            key, name = target.slice, self._dotted(target.value)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.items.setdefault(name, []).append((key.value, value))

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        return f"{self._dotted(node.func)}()" if isinstance(node, ast.Call) else ""


def _is_main_test(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.comparators) != 1:
        return False
    sides = (test.left, test.comparators[0])
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return named and any(isinstance(s, ast.Constant) and s.value == "__main__" for s in sides)


def _acts_line(tree: ast.Module) -> int | None:
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return node.lineno
        if isinstance(node, ast.For | ast.While | ast.With):
            return node.lineno
    return None
