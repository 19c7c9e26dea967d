"""Numbers that a script prints: a label in front of a value, as a pattern that finds it again.

Owns: f-strings, `%`, `str.format` and lists of arguments. Does not own: files (`metrics`).
"""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass
from typing import Final

from repropack.config import suggest_name
from repropack.detectors.code import Call
from repropack.judge.model import Metric

NUMBER_PATTERN: Final = r"([-+.\deE]+|nan|inf)"  # a nan must be found, so that it can be refused
_USUAL: Final = (
    "acc accuracy top1 top5 loss f1 f1-score auc auroc precision recall specificity sensitivity "
    "rmse mae mse r2 bleu rouge perplexity ppl iou miou dice score psnr ssim fid mrr ndcg wer cer "
    "kappa mcc nll elbo reward"
)
_PROGRESS: Final = "epoch epochs step steps iter iteration batch seed time seconds elapsed lr rate"
_METRIC_WORDS: Final = frozenset(_USUAL.split())
_PROGRESS_WORDS: Final = frozenset(_PROGRESS.split())
_LABEL = re.compile(r"([A-Za-z][\w@./ ()%-]{0,40}?)(\s*[:=]\s*|\s+is(?: about)?\s+|\s+)$")
_PERCENT_FIELD = re.compile(r"(%[-+ #0]*[0-9.]*[diouxXeEfFgGs])")
_BRACE_FIELD = re.compile(r"(\{[^{}]*\})")
_PRINTERS: Final = (
    "print",
    "logging.info",
    "logger.info",
    "log.info",
    "click.echo",
    "tqdm.write",
    "progress_bar",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """The text in front of a value; `fraction` when the value is surely no count."""

    text: str
    fraction: bool


def printed_metrics(call: Call, *, usual: bool) -> tuple[Metric, ...]:
    """Return the metrics that one call prints.

    `usual` keeps those whose label holds a usual word (`loss`, `accuracy`); otherwise every
    fraction with a label counts that does not tell progress.
    """
    if not call.name.endswith(_PRINTERS):
        return ()
    found: dict[str, Metric] = {}
    for label in _labels(call.node):
        match = _LABEL.search(label.text)
        if match is None or not _counts(match, fraction=label.fraction, usual=usual):
            continue
        name = suggest_name(match[1], default="metric")
        found[name] = Metric(name=name, reader="stdout", path="", key=_pattern(match))
    return tuple(found.values())


def _counts(match: re.Match[str], *, fraction: bool, usual: bool) -> bool:
    words = _words(match[1])
    if usual:
        return bool(_METRIC_WORDS & words)
    return fraction and bool(match[2].strip()) and not _PROGRESS_WORDS & words


def is_usual(label: str) -> bool:
    """Whether a name is that of a usual metric: `val_acc`, `F1-score`."""
    return bool(_METRIC_WORDS & _words(label.replace("_", " ")))


def _words(label: str) -> set[str]:
    """The label's words, also with their hyphens and without underscores: `f1-score`."""
    lowered = label.lower()
    return {*re.split(r"[^a-z0-9]+", lowered), *re.split(r"[^a-z0-9-]+", lowered)}


def _pattern(match: re.Match[str]) -> str:
    """The label as it is printed, with any amount of space, and the number behind it."""
    words = [re.escape(word) for word in (match[1] + match[2]).split()]
    space = r"\s*" if match[2].strip() else r"\s+"
    return r"\s+".join(words) + space + NUMBER_PATTERN


def _labels(node: ast.Call) -> list[_Label]:
    labels = [label for argument in node.args for label in _labels_of(argument)]
    for before, value in itertools.pairwise(node.args):
        text = before.value if isinstance(before, ast.Constant) else None
        if isinstance(text, str) and not isinstance(value, ast.Constant):
            labels.append(_Label(text=f"{text} ", fraction=_divides(value)))
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and len(node.args) > 1:
        labels += _split(first.value, _PERCENT_FIELD)  # logging.info("loss: %f", x)
    return labels


def _labels_of(node: ast.expr) -> list[_Label]:
    """The labels in one argument: an f-string, `"…" % x` or `"…".format(x)`."""
    if isinstance(node, ast.JoinedStr):
        return _labels_of_fstring(node)
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
        return _split(str(node.left.value), _PERCENT_FIELD) if isinstance(node.op, ast.Mod) else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        text = node.func.value
        if node.func.attr == "format" and isinstance(text, ast.Constant):
            return _split(str(text.value), _BRACE_FIELD)
    return []


def _labels_of_fstring(node: ast.JoinedStr) -> list[_Label]:
    labels = []
    for before, value in itertools.pairwise(node.values):
        if isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue):
            spec = ast.unparse(value.format_spec) if value.format_spec else ""
            fraction = "." in spec or _divides(value.value)
            labels.append(_Label(text=str(before.value), fraction=fraction))
    return labels


def _split(text: str, field: re.Pattern[str]) -> list[_Label]:
    pieces = field.split(text)
    pairs = zip(pieces[::2], pieces[1::2], strict=False)
    return [_Label(text=before, fraction="." in spec or "f" in spec) for before, spec in pairs]


def _divides(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
