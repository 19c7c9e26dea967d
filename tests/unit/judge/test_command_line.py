"""The judge's command line, called in this process."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from repropack.judge.__main__ import main
from repropack.judge.expand import expand_all
from tests.unit.judge.bundles import EXPERIMENTS, RECORDS

RUNS = {run.id: run for run in expand_all(EXPERIMENTS)}


class Done(NamedTuple):
    """Exit code and output of a call."""

    returncode: int
    stdout: str
    stderr: str


class Judge:
    """Calls the command line with a bundle's manifest and its records."""

    def __init__(self, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.bundle = bundle
        self.records = bundle / "records"
        self.records.write_text(RECORDS)
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        """`arguments` without the manifest."""
        manifest = ["--manifest", str(self.bundle / "repropack.json")]
        filled = [str(self.records) if each == "RECORDS" else each for each in arguments]
        whole = filled[:1] != ["--help"] and filled != []
        try:
            code = main([*filled[:1], *manifest, *filled[1:]] if whole else filled)
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = self._capsys.readouterr()
        return Done(code, out, err)


@pytest.fixture(name="judge")
def _judge(bundle: Path, capsys: pytest.CaptureFixture[str]) -> Judge:
    return Judge(bundle, capsys)


def test_runs(judge: Judge) -> None:
    """The list says what an engine must know before it starts a run."""
    lines = judge("runs").stdout.splitlines()
    assert lines[3:] == ["slow\toptional\t1\t-\tslow\tleft", "bad\tnone\t0\t-\tbad\tleft"]
    on_cpu = judge("runs", "--cpu").stdout.splitlines()
    assert on_cpu[3] == "slow\tcpu\t1\t-\tslow\tleft"


def test_runs_that_are_done(judge: Judge) -> None:
    """A run counts as done by its own record: ended well, same command, image and device."""
    command = RUNS["one"].command
    common = {"id": "one", "experiment": "one", "status": "ok", "command": command}
    good = {**common, "facts": {"image_id": "i"}}

    def left(**changes: object) -> bool:
        judge.records.write_text(json.dumps({**good, **changes}))
        asked = ("runs", "--only", "one", "--records", "RECORDS", "--image", "i")
        return judge(*asked).stdout.endswith("\tleft\n")

    assert not left()
    assert left(status="failed") and left(command="x") and left(id="svm-seed0")
    assert left(facts={"image_id": "other"}) and left(facts={"image_id": "i", "cpu": "x"})
    assert left(facts=3) and left(status=None)


def test_room(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many runs there is room for follows from the records of those that were done."""
    records = [
        {"seconds": 10.0, "cpu_seconds": 10.0, "peak_rss_bytes": 1 << 20},
        {"seconds": 10.0, "cpu_seconds": 20.0, "peak_rss_bytes": 1 << 20},
    ]
    both = "\n".join(map(json.dumps, records))
    for text, jobs in ((json.dumps(records[0]), "8\n"), (both, "4\n"),
                       ("", "1\n"), ('{"seconds": "x"}', "1\n"), ("[]", "1\n")):  # fmt: skip
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert judge("room", "--cpus", "8", "--memory", "1000000000").stdout == jobs


@pytest.mark.parametrize(
    ("claim", "code", "line"),
    [
        ("acc", 0, "reproduced: 1 of 1 claims"),
        ("f1", 1, "not reproduced: 0 of 1 claims reproduced, 1 not reproduced"),
        ("failed", 6, "no evidence: 0 of 1 claims reproduced, 1 no evidence, 1 of 1 runs failed"),
    ],
)
def test_exit_codes(judge: Judge, claim: str, code: int, line: str) -> None:
    """The exit code stands for the overall verdict of the chosen claims."""
    judged = judge("judge", "--records", "RECORDS", "--claim", claim)
    assert (judged.returncode, judged.stdout.splitlines()[-1]) == (code, line)


def test_formats(judge: Judge) -> None:
    """The three formats tell the same; JSON is strict."""
    arguments = ("judge", "--records", "RECORDS", "--logs", "/r/runs", "--format")
    data = json.loads(judge(*arguments, "json").stdout)
    assert data["verdict"] == "no evidence"
    assert "/r/runs/bad/log.txt" in judge(*arguments, "text").stdout
    assert "| claim |" in judge(*arguments, "markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runs", "--claim", "x"], "there is no claim x; there are: acc"),
        (["runs", "--manifest", "none.json"], "none.json: cannot be read"),
        (["run", "x", "--out", "o"], "there is no run x"),
        (["run", "bad", "--out", "o", "--fact", "x"], "is not NAME=VALUE"),
        (["run", "bad"], "--out"),
        (["judge", "--records", "none"], "none: cannot be read"),
        (["judge", "--records", "RECORDS", "--tolerance", "-1"], "tolerance"),
        (
            ["judge", "--records", "RECORDS", "--tolerance", "x"],
            "such as 0.5 or 1%",
        ),
        (["judge", "--records", "RECORDS"], "records: line 2 is not JSON"),
        ([], "COMMAND"),
    ],
)
def test_usage_errors(judge: Judge, arguments: list[str], expected: str) -> None:
    """What a caller can get wrong ends with exit code 2 and one line that says what."""
    judge.records.write_text('{"id": "?"}\n{"id"')
    done = judge(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not JSON"),
        ("[]", "expected an object"),
        ("{}", "schema: is missing"),
        ('{"schema": "repropack.bundle/2"}', "is not repropack.bundle/1"),
        ('{"schema": "repropack.bundle/1", "claims": [{}]}', "claims[0]."),
        ('{"schema": "repropack.bundle/1", "experiments": {}}', "experiments: expected a list"),
        ("\xff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_broken_manifest(judge: Judge, text: str, expected: str) -> None:
    """A manifest that cannot be read is told with the place of the problem."""
    (judge.bundle / "repropack.json").write_bytes(text.encode("latin-1"))
    done = judge("runs")
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_newer_minor_schema(judge: Judge) -> None:
    """A manifest of a newer minor version is read."""
    path = judge.bundle / "repropack.json"
    path.write_text(path.read_text().replace("bundle/1", "bundle/1.4"))
    assert judge("runs").returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["judge", "--help"]])
def test_help(judge: Judge, arguments: list[str]) -> None:
    """Help is there, and says what the arguments are."""
    done = judge(*arguments)
    assert done.returncode == 0
    assert "usage: judge.pyz" in done.stdout


def test_the_authors_report_is_shown_beside(judge: Judge, tmp_path: Path) -> None:
    """A report among the records is the author's: its numbers are told, and decide nothing."""
    plain = judge("judge", "--records", "RECORDS", "--format", "json")
    judge("judge", "--records", "RECORDS", "-o", str(tmp_path / "author"))
    with judge.records.open("a") as stream:
        stream.write((tmp_path / "author" / "report.json").read_text())
    shown = judge("judge", "--records", "RECORDS", "--format", "json")
    assert shown.returncode == plain.returncode
    told = json.loads(shown.stdout)
    assert told.pop("author")[0].startswith("acc: 97.000 ± 0.000")
    assert told == json.loads(plain.stdout)
    text = judge("judge", "--records", "RECORDS").stdout
    assert "What the author obtained\n  acc: 97.00" in text
