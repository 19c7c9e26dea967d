"""Numbers that a script writes: proposals for `metrics:`, each with the line it was read from."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

from repropack.config import suggest_name
from repropack.detectors.code import Call, Code
from repropack.detectors.logged import logged_metrics
from repropack.detectors.printed import printed_metrics
from repropack.detectors.values import Values
from repropack.judge.model import Metric

_CSV_WRITERS: Final = ("csv.writer", "csv.DictWriter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file or a line that a script writes. `metrics` are those that can be told by reading."""

    path: str
    line: int
    how: str
    metrics: tuple[Metric, ...]


def written_by(code: Code) -> tuple[Written, ...]:
    """Return what one script writes: JSON, CSV, and printed metrics, in the order of its lines.

    Printed numbers whose label is no usual metric only count when there is nothing better.
    """
    values = Values(code=code)
    found = [written for call in code.calls if (written := _written(call, values)) is not None]
    if not any(written.metrics for written in found):
        found += [w for call in code.calls if (w := _printed(call, usual=False)) is not None]
    return tuple(sorted(found, key=lambda written: written.line))


def _written(call: Call, values: Values) -> Written | None:
    if call.name == "json.dump":
        return _json(call, values.opened_path(call.argument(1, "fp")), call.argument(0), values)
    if call.name.endswith((".write_text", ".write")):
        return _dumped(call, values)
    if call.name.endswith(".to_csv"):
        return _file(call, values.path_of(call.argument(0, "path_or_buf")), "csv")
    if call.name in _CSV_WRITERS and not logged_metrics(call, values):
        return _file(call, values.opened_path(call.argument(0)), "csv")
    if call.name.endswith(".to_json"):
        return _file(call, values.path_of(call.argument(0, "path_or_buf")), "json")
    return _logged(call, values) or _printed(call, usual=True)


def _json(call: Call, path: str | None, what: ast.expr | None, values: Values) -> Written | None:
    if path is None:
        return None
    keys = values.keys_of(what)
    metrics = tuple(
        Metric(name=suggest_name(key, default="metric"), reader="json", path=path, key=key)
        for key in keys
    )
    return Written(path=path, line=call.line, how="json", metrics=metrics)


def _dumped(call: Call, values: Values) -> Written | None:
    """`Path("x.json").write_text(json.dumps(…))`, and `f.write(json.dumps(…))`."""
    dumps = values.code.value_of(call.argument(0))
    if isinstance(dumps, ast.BinOp):
        dumps = dumps.left  # json.dumps(…) + "\n"
    if not isinstance(dumps, ast.Call) or values.name_of(dumps) != "json.dumps":
        return None
    if not isinstance(call.node.func, ast.Attribute):
        return None
    target = call.node.func.value
    by_name = call.name.endswith(".write_text")
    path = values.path_of(target) if by_name else values.opened_path(target)
    return _json(call, path, dumps.args[0] if dumps.args else None, values)


def _logged(call: Call, values: Values) -> Written | None:
    metrics = logged_metrics(call, values)
    if not metrics:
        return None
    return Written(path=metrics[0].path, line=call.line, how=metrics[0].reader, metrics=metrics)


def _file(call: Call, path: str | None, how: str) -> Written | None:
    return None if path is None else Written(path=path, line=call.line, how=how, metrics=())


def _printed(call: Call, *, usual: bool) -> Written | None:
    metrics = printed_metrics(call, usual=usual)
    return Written(path="", line=call.line, how="stdout", metrics=metrics) if metrics else None
