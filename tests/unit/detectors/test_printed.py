"""Code → the numbers that it prints."""

from __future__ import annotations

import re

import pytest

from repropack.detectors.code import parse_code
from repropack.detectors.printed import printed_metrics
from repropack.judge.model import Metric


def metrics_of(code: str, *, usual: bool = True) -> list[Metric]:
    """The metrics of all calls."""
    calls = parse_code("a.py", code).calls
    return [metric for call in calls for metric in printed_metrics(call, usual=usual)]


@pytest.mark.parametrize(
    ("code", "name", "line", "number"),
    [
        ("print(f'Accuracy: {a:.4f}')", "accuracy", "Accuracy: 0.9312", "0.9312"),
        ("print(f'test acc = {a:.2%} in {t} s')", "test-acc", "test acc = 93.12% in 3 s", "93.12"),
        ("print('F1-score:', f1(x))", "f1-score", "F1-score: 9.1e-01", "9.1e-01"),
        ("print('loss', f1(x))", "loss", "loss -0.5", "-0.5"),
        ("print('loss: %.3f' % loss)", "loss", "loss: -0.250", "-0.250"),
        ("print('loss_val: {:.4f}'.format(x), end='')", "loss_val", "loss_val: 0.1", "0.1"),
        ("import logging\nlogging.info('AUC: %.3f', auc)", "auc", "INFO AUC: nan", "nan"),
        ("print(f'val. accuracy (%): {a}')", "val-accuracy", "val. accuracy (%): 93.1", "93.1"),
        ("print(f'epoch {e} | Loss: {x:.3f}')", "loss", "epoch 3 | Loss: 0.1", "0.1"),
        ("print(f'step {i}: val loss {x:.4f}')", "val-loss", "step 5: val loss 1.25", "1.25"),
    ],
)
def test_usual_metrics(code: str, name: str, line: str, number: str) -> None:
    """The pattern that is proposed finds the number in what would be printed."""
    (metric,) = metrics_of(code)
    assert metric.name == name
    match = re.search(metric.key, line)
    assert match is not None
    assert match[1] == number


def test_several_numbers_in_one_line() -> None:
    """Each label of a line is a metric of its own."""
    code = "progress_bar(i, n, 'Loss: %.3f | Acc: %.3f%% (%d/%d)' % (a, b, c, d))"
    assert [metric.name for metric in metrics_of(code)] == ["loss", "acc"]


@pytest.mark.parametrize(
    "code",
    ["print('done')", "print(f'saved to {path}')", "print('Error:', e)", "save(f'loss: {x}')"],
)
def test_what_is_no_metric(code: str) -> None:
    """Messages and other calls are not taken for metrics."""
    assert metrics_of(code) == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("print(f'pi is about {4 * hits / darts}')", ["pi"]),
        ("print(f'warmth: {w:.2f}')", ["warmth"]),
        ("print('warmth: {:.2f}'.format(w))", ["warmth"]),
        ("print(f'vocab size: {len(words):,}')", []),
        ("print(f'starting from: {path}')", []),
        ("print(f'elapsed time: {t:.2f}')", []),
    ],
)
def test_other_numbers(code: str, names: list[str]) -> None:
    """Where nothing usual is printed, fractions count; counts, paths and progress do not."""
    assert [metric.name for metric in metrics_of(code, usual=False)] == names
