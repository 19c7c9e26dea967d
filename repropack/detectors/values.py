"""What expressions stand for, as far as reading can tell: file paths, dictionaries, names.

Owns: evaluating a few harmless shapes of syntax. Does not own: which calls matter (`metrics`).
"""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import dataclass
from typing import Final

from repropack.detectors.code import Call, Code

_MAX_DEPTH: Final = 8
_PATH_CLASSES: Final = ("pathlib.Path", "Path", "pathlib.PurePath", "str", "os.fspath")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Evaluates expressions of one file."""

    code: Code

    def path_of(self, node: ast.expr | None, depth: int = 0) -> str | None:
        """Return the relative POSIX path that an expression means, or None."""
        text = self._path(node, depth)
        if not text or text.startswith(("/", "-", "~")) or "\\" in text:
            return None
        path = posixpath.normpath(text)
        return None if path.startswith("..") or path == "." else path

    def _path(self, node: ast.expr | None, depth: int) -> str | None:
        if depth > _MAX_DEPTH:
            return None
        value = self.code.value_of(node)
        if isinstance(value, ast.Constant):
            return value.value if isinstance(value.value, str) else None
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
            return self._joined([value.left, value.right], depth)
        if isinstance(value, ast.Attribute):
            return self._option_default(value)
        if isinstance(value, ast.Call):
            return self._called_path(value, depth)
        return None

    def _called_path(self, node: ast.Call, depth: int) -> str | None:
        name = self.name_of(node)
        if name in _PATH_CLASSES or name.endswith("path.join"):
            return self._joined(node.args, depth)
        return None

    def _joined(self, nodes: list[ast.expr], depth: int) -> str | None:
        parts = [self._path(node, depth + 1) for node in nodes]
        known = [part for part in parts if part is not None]
        return posixpath.join(*known) if known and len(known) == len(parts) else None

    def _option_default(self, node: ast.Attribute) -> str | None:
        """`args.out` as the default of the option `--out`."""
        if not isinstance(node.value, ast.Name):
            return None
        for option in options_of(self.code):
            if option.name == node.attr and isinstance(option.default, ast.Constant):
                value = option.default.value
                return value if isinstance(value, str) else None
        return None

    def name_of(self, node: ast.Call) -> str:
        """Return the dotted name of a call that the file holds."""
        return self.code.names.get(id(node), "")

    def opened_path(self, node: ast.expr | None) -> str | None:
        """Return the path that a file object writes to: `open("x", "w")`, or a name for one."""
        value = self.code.value_of(node)
        if not isinstance(value, ast.Call):
            return None
        name = self.name_of(value)
        if name in ("open", "io.open", "codecs.open"):
            mode = value.args[1] if len(value.args) > 1 else _keyword(value, "mode")
            return self.path_of(value.args[0]) if value.args and _writes(mode) else None
        if name.endswith(".open") and isinstance(value.func, ast.Attribute):
            mode = value.args[0] if value.args else _keyword(value, "mode")
            return self.path_of(value.func.value) if _writes(mode) else None
        return None

    def keys_of(self, node: ast.expr | None, depth: int = 0) -> tuple[str, ...]:
        """Return the dotted keys whose values are computed numbers, as far as they can be seen."""
        value = self.code.value_of(node)
        keys: list[str] = []
        if isinstance(value, ast.Dict):
            pairs = [(_text(key), item) for key, item in zip(value.keys, value.values, strict=True)]
            keys = self._keys_of_pairs([(key, item) for key, item in pairs if key], depth)
        elif isinstance(value, ast.Call):
            keys = self._keys_of_call(value, depth)
        if isinstance(node, ast.Name):
            keys += self._keys_of_pairs(self.code.items.get(node.id, []), depth)
        return tuple(dict.fromkeys(keys))

    def _keys_of_call(self, node: ast.Call, depth: int) -> list[str]:
        name = self.name_of(node)
        if name == "dict":
            return self._keys_of_pairs([(k.arg, k.value) for k in node.keywords if k.arg], depth)
        as_dict = _keyword(node, "output_dict")
        if name.endswith("classification_report") and as_dict is not None:
            return ["accuracy", "macro avg.f1-score", "weighted avg.f1-score"]
        return []

    def _keys_of_pairs(self, pairs: list[tuple[str, ast.expr]], depth: int) -> list[str]:
        keys: list[str] = []
        for key, item in pairs:
            below = self.keys_of(item, depth + 1) if depth < _MAX_DEPTH else ()
            if below:
                keys += [f"{key}.{deeper}" for deeper in below]
            elif self._is_computed(item):
                keys.append(key)
        return keys

    def _is_computed(self, node: ast.expr) -> bool:
        """Settings (`args.lr`, constants, texts, lists) are no metrics."""
        value = self.code.value_of(node) or node
        if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
            return value.value.id not in ("args", "opt", "opts", "config", "cfg", "hparams")
        if isinstance(value, ast.Call):
            return self.name_of(value) not in ("str", "vars", "list", "dict", "repr")
        shapes = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.ListComp)
        return not isinstance(value, shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A command-line option: `--seed`, the name that the code reads it by, its default."""

    flag: str
    name: str
    default: ast.expr | None
    required: bool


def options_of(code: Code) -> tuple[Option, ...]:
    """Return the options that a file declares with argparse or click."""
    return tuple(option for call in code.calls for option in [_option(call)] if option is not None)


def _option(call: Call) -> Option | None:
    if not call.name.endswith((".add_argument", "click.option")):
        return None
    words = [text for text in map(_text, call.node.args) if text]
    flags = [word for word in words if re.fullmatch(r"--[A-Za-z][\w-]*", word)]
    if not flags:
        return None
    name = _text(_keyword(call.node, "dest")) or flags[0][2:].replace("-", "_")
    required = _keyword(call.node, "required")
    return Option(
        flag=flags[0],
        name=name,
        default=_keyword(call.node, "default"),
        required=isinstance(required, ast.Constant) and required.value is True,
    )


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in node.keywords if k.arg == name), None)


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _writes(mode: ast.expr | None) -> bool:
    text = _text(mode)
    return text is not None and text[:1] in ("w", "x", "a")
