"""`metrics:` of an experiment: which reader finds the number, and where."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from repropack.config import fields
from repropack.config.cursor import Cursor
from repropack.config.names import did_you_mean, shown
from repropack.judge import jsonpath
from repropack.judge.model import READERS, Metric
from repropack.judge.series import SELECTS, is_select

LOG_PATH: Final = "log.txt"  # where a run's stdout and stderr stand beside its record

Read = Callable[[Cursor], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What stands beside a reader's path: the word for its key, and its options.

    `optional` is whether the key may be left out; `where` whether rows can be picked.
    """

    key: str
    read: Read = fields.text
    optional: bool = False
    options: tuple[str, ...] = ()
    where: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Every key that may stand beside the reader's."""
        where = ("where",) if self.where else ()
        return (*((self.key,) if self.key else ()), *where, *self.options, "select")


_OTHER_NAMES: Final = {
    "jsonl": "write `json: FILE.jsonl`",
    "tsv": "write `csv: FILE.tsv`",
    "npy": "write `numpy: FILE.npy`",
    "npz": "write `numpy: FILE.npz` with `key:`",
    "stderr": "write `stdout:`; a run's log holds both",
    "log": "write `stdout:` for what is printed, `text:` for a file",
    "regex": "write `stdout:` for what is printed, `text:` for a file",
    "lightning": "write `csv: lightning_logs/*/metrics.csv` with `column:`",
    "hydra": "write the file as a glob: `json: outputs/*/*/results.json`",
    "transformers": "write `json: OUTPUT/all_results.json`, or trainer_state.json, with `key:`",
    "ipynb": "write `notebook: FILE.ipynb`",
    "tb": "write `tensorboard: DIR` with `tag:`",
}


def read_metric(name: str, cursor: Cursor) -> Metric:
    """Return a metric; what is wrong with it is noted and left empty."""
    found = cursor.entries() if cursor.is_mapping() else []
    readers = [key for key, _ in found if key in READERS]
    if len(readers) == 1:
        given = cursor.fields((readers[0], *_SHAPES[readers[0]].words))
        return _metric(name, readers[0], _SHAPES[readers[0]], given)
    if readers:
        cursor.problem(f"give one of {', '.join(readers)}, not several")
    else:
        _complain_of_none(cursor, [key for key, _ in found])
    return Metric(name=name, reader="json", path="", key="")


def _complain_of_none(cursor: Cursor, keys: list[str]) -> None:
    for key in keys:
        if key in _OTHER_NAMES:
            cursor.problem(f"{key!r} is no reader: {_OTHER_NAMES[key]}")
            return
    cursor.problem(
        "say where the number is: {json: FILE, key: …}, {csv: …}, {stdout: …}, or one of "
        + ", ".join(READERS[READERS.index("stdout") + 1 :])
    )
    if cursor.is_mapping():
        words = (word for shape in _SHAPES.values() for word in shape.words)
        cursor.fields((*READERS, *dict.fromkeys(words)))


def _metric(name: str, reader: str, shape: _Shape, given: dict[str, Cursor]) -> Metric:
    if reader == "stdout":
        path, key = LOG_PATH, fields.value_of(given, "stdout", _regex(given)) or ""
    else:
        path = fields.value_of(given, reader, fields.relative_path) or ""
        read = _regex(given) if shape.key == "pattern" else shape.read
        key = _key(given, reader, shape, read)
    pairs = given["where"].entries() if "where" in given else []
    where = [(option, value.text() or "") for option, value in pairs]
    where += [(word, given[word].text() or "") for word in shape.options if word in given]
    select = fields.value_of(given, "select", _select) or "last"
    return Metric(
        name=name, reader=reader, path=path, key=key, where=tuple(sorted(where)), select=select
    )


def _key(given: dict[str, Cursor], reader: str, shape: _Shape, read: Read) -> str:
    if shape.key in given:
        return read(given[shape.key]) or ""
    if reader in given and not shape.optional:
        cursor = given[reader]
        cursor.problems.add(
            cursor.path.rpartition(".")[0],
            f"{shape.key!r} is missing beside {reader!r}",
            cursor.line,
        )
    return ""


def key_word(reader: str) -> str:
    """Return the word under which a reader's key stands: `key`, `tag`, `column`."""
    return _SHAPES[reader].key


def _select(cursor: Cursor) -> str | None:
    word = cursor.text()
    if word is None or is_select(word):
        return word
    near = did_you_mean(word, SELECTS)
    cursor.problem(f"must be one of {', '.join(SELECTS)}, not {shown(word)}{near}")
    return None


def _json_key(cursor: Cursor) -> str | None:
    raw = cursor.text()
    if raw is not None and jsonpath.is_path(raw):
        try:
            jsonpath.parse(raw)
        except ValueError as error:
            cursor.problem(f"{shown(raw)}: {error}; a path looks like $.history[-1].acc")
            return None
    return raw


def _regex(given: dict[str, Cursor]) -> Read:
    """Reads a pattern with one group, or one named `value`, or with the one that `group` names."""
    asked = given["group"].text() if "group" in given else None

    def read(cursor: Cursor) -> str | None:
        raw = cursor.text()
        pattern = None if raw is None else _compiled(cursor, raw)
        if raw is None or pattern is None:
            return None
        if asked is not None:
            known = (*pattern.groupindex, *map(str, range(1, pattern.groups + 1)))
            if asked not in known:
                near = did_you_mean(asked, known)
                given["group"].problem(f"{shown(raw)} has no group {shown(asked)}{near}")
        elif pattern.groups != 1 and "value" not in pattern.groupindex:
            cursor.problem(
                f"must hold exactly one (…) around the number, or one named (?P<value>…), or say "
                f"which with `group:`; {shown(raw)} holds {pattern.groups}"
            )
            return None
        return raw

    return read


def _compiled(cursor: Cursor, raw: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # FutureWarning of doubtful sets, e.g. [[a]
            return re.compile(raw)
    except (re.error, OverflowError, RecursionError) as error:
        cursor.problem(f"not a regular expression: {error}; in {shown(raw)}")
        return None


_SHAPES: Final = {
    "json": _Shape(key="key", read=_json_key, where=True),
    "csv": _Shape(key="column", where=True),
    "text": _Shape(key="pattern", options=("group",)),
    "stdout": _Shape(key="", options=("group",)),
    "tensorboard": _Shape(key="tag", options=("run",)),
    "wandb": _Shape(key="key", options=("run",)),
    "mlflow": _Shape(key="key", options=("run",)),
    "sacred": _Shape(key="key", options=("run",)),
    "numpy": _Shape(key="key", optional=True),
    "notebook": _Shape(key="pattern", optional=True, options=("cell", "group")),
}
