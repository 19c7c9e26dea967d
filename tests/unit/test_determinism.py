"""Whether two runs gave the same bytes, on records as they are written."""

from __future__ import annotations

from repropack.determinism import compare
from repropack.running import Record

OK: Record = {"id": "train-seed0", "status": "ok", "outputs": [], "metrics": {}}


def test_a_metric_that_neither_run_gave_is_not_the_same() -> None:
    """Two runs without a number have nothing that could be compared."""
    record = {**OK, "metrics": {"acc": {"text": None, "problem": "not found"}}}
    repeat = compare(record, record)
    assert repeat.same == () and repeat.differing == ()
    assert repeat.problem == "it has no output that could be compared"


def test_a_metric_that_one_run_gave_differs() -> None:
    """A number that only one run gave is told with what the other one gave."""
    first = {**OK, "metrics": {"acc": {"text": "0.91"}, "loss": {"text": "1.5"}}}
    second = {**OK, "metrics": {"acc": {"text": None}, "loss": {"text": "1.5"}}}
    repeat = compare(first, second)
    assert repeat.same == ("loss",)
    assert repeat.differing == ("acc (0.91, then None)",)


def test_a_file_of_other_bytes_differs() -> None:
    """Files are compared by what is in them."""
    first = {**OK, "outputs": [{"path": "a", "sha256": "1"}, {"path": "b", "sha256": "2"}]}
    second = {**OK, "outputs": [{"path": "a", "sha256": "1"}, {"path": "b", "sha256": "3"}]}
    repeat = compare(first, second)
    assert repeat.same == ("a",) and repeat.differing == ("b",)
