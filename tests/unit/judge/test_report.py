"""The report in its three forms."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from repropack.judge import report, saved
from repropack.judge.assessment import Assessment
from repropack.judge.model import Claim, MetricRef, parse_tolerance
from repropack.judge.rule import judge_all
from repropack.judge.seen import Dataset
from repropack.judge.value import NO_ERROR_BAR
from tests.unit.judge.helpers import assess, claim, experiment, record, records


def failed() -> Assessment:
    """One claim on a run that failed."""
    log = {"path": "log.txt", "tail": ["Traceback:", "ValueError: | no"]}
    done = record("e", None, status="failed", exit_code=1, reason="exited with code 1", log=log)
    return judge_all([experiment()], [claim("0.5")], [done], logs="out/runs")


def test_one_run() -> None:
    """One run: the table, the note on the missing error bar, the verdict as last line."""
    found = assess(claim("97.0", "0.5", scale="percent", id="acc"), ["0.9688542825361512"])
    assert report.text(found).splitlines() == [
        "claim  reported  obtained  n  tolerance   verdict",
        "-----  --------  --------  -  ----------  ----------",
        "acc    97.0%     96.885    1  0.5 + 0.05  reproduced",
        "",
        "Claims",
        f"  acc: note: {NO_ERROR_BAR}",
        "",
        "reproduced: 1 of 1 claims",
    ]


def test_several_runs() -> None:
    """Several runs: mean ± sd (min, max)."""
    found = assess(claim("70.3", "0.5"), ["71.3", "72.0", "71.5", "71.4"])
    assert "71.550 ± 0.311 (71.300, 72.000)  4" in report.text(found)
    assert report.text(found).splitlines()[-1].startswith("not reproduced: 0 of 1 claims")


def test_failed_run() -> None:
    """A failed run is told with the last lines of its log and where the log is."""
    lines = report.text(failed()).splitlines()
    assert "  e: exited with code 1 (log: out/runs/e/log.txt)" in lines
    assert "      | ValueError: | no" in lines
    assert lines[-1].endswith("1 no evidence, 1 of 1 runs failed")


def test_marks_are_everywhere() -> None:
    """A dirty tree shows at each verdict and in the last line."""
    done = [record("e", "0.5")]
    found = judge_all([experiment()], [claim("0.5")], done, source_kind="dirty")
    lines = report.text(found).splitlines()
    assert lines[2].endswith("reproduced, dirty")
    assert lines[-1] == "reproduced: 1 of 1 claims, from a dirty tree"


def test_shared_remarks_are_said_once() -> None:
    """A remark that all claims share is one line."""
    claims = [claim("0.5", id=f"c{i}") for i in range(31)]
    found = judge_all([experiment()], claims, [record("e", "0.5")])
    assert report.text(found).count("error bar") == 1
    assert "  all claims: note: one run" in report.text(found)
    claims.append(claim("0.9", id="other"))
    found = judge_all([experiment()], claims, [record("e", "0.9")])
    assert "  c0, c1, c2 and 28 more: off by +0.4" in report.text(found)


def test_override_and_better_are_told() -> None:
    """The overridden tolerance is a note; a better result is marked."""
    found = assess(claim("70.3", direction="higher"), ["80"], parse_tolerance("1%"))
    assert "reproduced, better" in report.text(found)
    assert "the tolerance 1% given on the command line" in report.text(found)


@pytest.mark.parametrize("width", [60, 100])
def test_width(width: int) -> None:
    """No line is wider than the terminal, however long names and logs are."""
    long = claim("70.3", "0.5", id="table-1-row-3-" + "x" * 150)
    tail = {"tail": ["y" * 300]}
    done = record("e", None, status="failed", reason="exited " * 40, log=tail)
    found = judge_all([experiment()], [long], [done])
    assert max(len(line) for line in report.text(found, width=width).splitlines()) <= width + 20
    assert max(len(line) for line in report.text(found, width=100).splitlines()) <= 100


def test_paths_are_not_cut_at_hyphens() -> None:
    """A log's path stands on one line if it fits on one: it can be copied."""
    log = {"path": "log.txt", "tail": []}
    done = record("e", None, status="failed", exit_code=1, reason="exited with code 1", log=log)
    path = f"{'a-b-' * 15}runs"
    found = judge_all([experiment()], [claim("0.5")], [done], logs=path)
    assert any(f"{path}/e/log.txt)" in line for line in report.text(found).splitlines())


def test_color() -> None:
    """Colours come only when asked for, and change no text."""
    found = failed()
    coloured = report.text(found, color=True)
    assert "\x1b[35mno evidence\x1b[0m" in coloured
    assert "\x1b" not in report.text(found)


def test_hostile_names() -> None:
    """Control characters reach no terminal, and markup does not work in Markdown."""
    name = "a\x1b[2J\n|<img src=x>`b`"
    done = record("e", None, status="failed", reason=name, log={"tail": [name, "\u202e"]})
    found = judge_all([experiment()], [claim("0.5", id=name)], [done], name=name)
    for text in (report.text(found), report.markdown(found)):
        assert all(char.isprintable() or char == "\n" for char in text)
    assert "\\<img src=x\\>\\`b\\`" in report.markdown(found)


def test_markdown() -> None:
    """Markdown has the same table and the same last line."""
    found = assess(claim("70.3", "0.5"), ["70.4"])
    lines = report.markdown(found).splitlines()
    assert "| c | 70.3 | 70.400 | 1 | 0.5 + 0.05 | reproduced |" in lines
    assert lines[-1] == "**reproduced: 1 of 1 claims**"


def test_json_has_every_number() -> None:
    """The object survives strict JSON and holds what the rule used."""
    found = report.as_dict(assess(claim("70.3", "0.5"), ["71.3", "72.0", "71.5", "71.4"]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    (judged,) = found["claims"]
    assert found["schema"] == "repropack.report/1"
    assert found["rule_version"] == "1"
    assert (judged["id"], judged["verdict"], judged["epsilon"]) == ("c", "not reproduced", "0.55")
    assert judged["obtained"][0]["values"] == ["71.3", "72.0", "71.5", "71.4"]
    assert judged["obtained"][0]["n"] == 4
    assert judged["numbers"]["difference"] == pytest.approx(1.25)
    assert "TOST" in judged["formula"]


@pytest.mark.parametrize("texts", [["1e-300", "2e-300"], ["-0"], ["1e140", "1"], ["0.5", "5e-324"]])
@pytest.mark.parametrize("value", ["1e-250", "0", "-1e149", "123456789.123456789"])
def test_extreme_numbers(texts: list[str], value: str) -> None:
    """Very large and very small numbers end in a report, not in an error."""
    found = assess(claim(value, "3%"), texts)
    assert report.text(found)
    json.dumps(report.as_dict(found), allow_nan=False)


def test_greater() -> None:
    """A comparison shows both groups."""
    exp = experiment(matrix=(("a", ("x", "y")),))
    refs: Any = tuple(MetricRef("e", "acc", (("a", value),)) for value in "xy")
    done = records(exp, ["0.9", "0.8"])
    text = report.text(judge_all([exp], [Claim(id="g", kind="greater", compared=refs)], done))
    assert "0.9000 vs 0.8000  1/1  -" in text


def test_nothing_to_judge() -> None:
    """Without claims the report says so."""
    text = report.text(judge_all([experiment()], [], [record("e", "1")]))
    assert "there are no claims to judge" in text
    assert text.splitlines()[-1] == "no evidence: 0 of 0 claims reproduced"


def test_data_that_authors_describe() -> None:
    """What authors tell of their data stands in text and Markdown; a long list is cut there."""
    told = tuple(f"class {n}: {n} files" for n in range(20))
    data = (Dataset(name="bare"), Dataset(name="digits", path="data/d", n_files=20, described=told))
    found = replace(assess(claim("0.5"), ["0.5"]), data=data)
    for shown in (report.text(found), report.markdown(found)):
        assert "digits at data/d: 20 files, 0 bytes" in shown and "class 11: 11 files" in shown
        assert "and 8 more lines, in report.json" in shown
        assert "class 12" not in shown and "bare" not in shown
    assert saved.assessment(report.as_dict(found)).data == data
