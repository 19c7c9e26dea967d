"""A metric as repropack.yaml says it: what `init` proposes. The inverse of `metrics`."""

from __future__ import annotations

import json
import re
from typing import Final

from repropack.config.metrics import key_word
from repropack.judge.model import Metric

_PLAIN = re.compile(r"[A-Za-z0-9_][\w./+-]*")
_NOTHING: Final = frozenset(("null", "Null", "NULL"))


def metric_text(metric: Metric) -> str:
    """Return the mapping on one line: `{json: r.json, key: acc}`."""
    if metric.reader == "stdout":
        quoted = metric.key.replace("'", "''")
        return f"{{stdout: '{quoted}'}}"
    key = f", {key_word(metric.reader)}: {scalar(metric.key)}" if metric.key else ""
    return f"{{{metric.reader}: {scalar(metric.path)}{key}}}"


def scalar(text: str) -> str:
    """Return text as YAML reads it back, in quotes where it needs them."""
    plain = _PLAIN.fullmatch(text) is not None and text not in _NOTHING
    return text if plain else quoted(text)


def quoted(text: str) -> str:
    """Return text in double quotes."""
    return json.dumps(text, ensure_ascii=False)
