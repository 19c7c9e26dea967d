"""Records that are JSON and no records: for reports, for `--resume`, and for the judge."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack import report, verification
from repropack.determinism import compare
from repropack.errors import InvalidError
from repropack.judge import report as texts
from repropack.judge.evidence import unusable
from repropack.judge.fields import ManifestError
from repropack.judge.rule import judge_all
from repropack.judge.verdict import Verdict
from repropack.metadata import runcrate
from repropack.places import room_for
from tests.unit.test_places import MACHINE
from tests.verifications import CLAIMS, NET, records, telemetry, write

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**400,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    [[1]],
    {},
    {"x": {}},
    [{}],
)
Path_ = tuple[str | int, ...]


def places(value: Any, place: Path_ = ()) -> Iterator[Path_]:
    """Where something stands in a JSON value; of lists the beginning."""
    yield place
    if isinstance(value, dict):
        inner = list(value.items())
    else:
        inner = list(enumerate(value[:2])) if isinstance(value, list) else []
    for key, each in inner:
        yield from places(each, (*place, key))


def changed(value: Any, place: Path_, odd: Any) -> Any:
    """The value with something else at one place."""
    if not place:
        return odd
    found = at = copy.deepcopy(value)
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = odd
    return found


def variants(value: Any) -> Iterator[Any]:
    """The value with one thing wrong: each of its places with one or two odd values."""
    for number, place in enumerate(places(value)):
        for odd in (ODD[number % len(ODD)], ODD[(5 * number + 3) % len(ODD)]):
            yield changed(value, place, odd)


def small() -> list[dict[str, Any]]:
    """Records of all runs, with short histories; the first has an output and a series."""
    found = list(records(epochs=2))
    found[0]["outputs"] = [{"path": "a.png", "sha256": "b"}]
    found[0]["metrics"]["accuracy"]["among"] = {"count": 2, "max": "0.9"}
    return found


def test_the_judge_takes_no_bad_record_for_evidence() -> None:
    """A record with wrong shapes is an error, or no evidence for its run; never a traceback."""
    first, *others = small()
    reasons = 0
    for bad in variants(first):
        try:
            found = judge_all([NET], CLAIMS, [bad, *others])
        except ManifestError:
            continue
        texts.markdown(found).encode()
        json.dumps(texts.as_dict(found), allow_nan=False)
        reasons += any("record cannot be used" in run.reason for run in found.runs)
    assert reasons > 10


def test_a_bad_record_loses_its_own_run_alone() -> None:
    """The claims on other runs are judged; those on its run have no evidence, and it says why."""
    first, *others = small()
    found = judge_all([NET], CLAIMS[1:3], [{**first, "log": 3}, *others])
    other, own = found.judgements
    assert (other.verdict, own.verdict) == (Verdict.REPRODUCED, Verdict.NO_EVIDENCE)
    assert own.reasons == (
        f"{first['id']}: its record cannot be used: log: expected an object, found a number",
    )
    assert found.exit_code == 6


def test_a_reason_that_cannot_be_shown() -> None:
    """A metric with a reason has no value, whatever the reason is made of."""
    first, *others = small()
    first["metrics"]["accuracy"] = {"text": "", "reason": "\ud800"}
    found = judge_all([NET], CLAIMS[2:3], [first, *others])
    assert found.verdict is Verdict.NO_EVIDENCE


def test_resume_counts_no_bad_record() -> None:
    """What is taken for a finished run can be measured by and compared; the rest is not taken."""
    first = small()[0]
    taken = 0
    for bad in variants(first):
        if isinstance(bad, dict) and not unusable(bad, first["id"]):
            taken += 1
            room_for(bad, MACHINE)
            compare(first, bad), compare(bad, first)
    assert taken > 10
    assert unusable({**first, "id": "another"}, first["id"]) == "it is the record of another"


@pytest.mark.parametrize("name", ["record.json", "telemetry.json", "report.json"])
def test_report_of_bad_files(name: str, tmp_path: Path) -> None:
    """A page is rendered without what cannot be read, or the error names the file."""
    found = small()[:1]
    directory = write(tmp_path, found, claims=CLAIMS[2:3])
    run = directory / "runs" / found[0]["id"]
    (run / "telemetry.json").write_text(json.dumps(telemetry(4)))
    file = directory / name if name == "report.json" else run / name
    good = json.loads(file.read_bytes())
    rendered = 0
    for bad in variants(good):
        file.write_text(json.dumps(bad))
        try:
            read = verification.read(directory)
        except InvalidError as error:
            assert name == "report.json" and str(file) in str(error)
            continue
        rendered += 1
        if rendered % 5 == 0:
            report.page(read).html.encode()
        texts.text(read.assessment).encode()
        raw, record = verification.load(directory / "report.json"), verification.load(run / name)
        if record is not None:
            json.dumps(runcrate.of_verification(raw or {}, {"a": record}, []))
    assert rendered > 10
