"""Sections: what they compute, and when they are not there."""

from __future__ import annotations

import csv
import io
import json
import urllib.parse
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.judge import report
from repropack.judge.rule import judge_all
from repropack.report import Curve, Layer, Picture, Run, page
from repropack.report.causes import cause
from repropack.report.curves import band
from repropack.report.environment import ABSENT, Difference, differences
from repropack.report.outcomes import by_hand, cell_of
from repropack.report.scale import decimals, scale, short, size, span
from repropack.report.sheets import LARGEST_INLINE, Sheets, as_csv
from repropack.verification import read
from tests.verifications import CLAIMS, NET, png, records, sample, with_image, write


def curve(*points: tuple[float, float]) -> Curve:
    """A history."""
    return Curve(metric="m", points=points)


def test_band_of_curves() -> None:
    """Mean, spread and extremes at each step, of the runs that have got so far."""
    found = band([curve((0, 1.0), (2, 3.0)), curve((0, 3.0), (1, 4.0))])
    assert found.mean == ((0, 2.0), (1, 3.0), (2, 3.0))  # the first is 2.0 at 1, between its points
    assert found.low == ((0, 1.0), (1, 2.0), (2, 3.0))
    assert found.high == ((0, 3.0), (1, 4.0), (2, 3.0))
    assert found.above[0][1] - found.mean[0][1] == pytest.approx(2**0.5)


def test_long_curves_are_thinned() -> None:
    """A history of 100 000 steps is drawn with a few hundred points, its ends among them."""
    found = band([curve(*((float(i), float(i % 7)) for i in range(100_000)))])
    assert len(found.mean) < 300
    assert (found.mean[0][0], found.mean[-1][0]) == (0.0, 99_999.0)


def test_differences_by_layer() -> None:
    """What differs, from the project outwards; what one side lacks is told too."""
    one = [Layer(name="GPU", items=(("name", "A"),)), Layer(name="libraries", items=(("x", "1"),))]
    other = [Layer(name="libraries", items=(("x", "2"), ("y", "1"))), one[0]]
    assert differences(one, other) == (
        Difference(layer="libraries", name="x", one="1", other="2"),
        Difference(layer="libraries", name="y", one=ABSENT, other="1"),
    )
    assert differences(one, one) == ()


def test_what_is_not_recorded_is_no_difference() -> None:
    """What reproduce.sh does not tell (drivers, bases, libraries) is not told as a difference."""
    verify = [
        Layer(name="driver", items=(("NVIDIA", "550"),)),
        Layer(name="libraries", items=(("python", "3.11"), ("numpy", "2"))),
        Layer(name="variables", items=(("TZ", "UTC"),)),
    ]
    script = [
        Layer(name="libraries", items=(("python", "3.12"),)),
        Layer(name="variables", items=(("LANG", "C"),)),
    ]
    found = [(each.layer, each.name) for each in differences(verify, script)]
    assert found == [("libraries", "python"), ("variables", "TZ"), ("variables", "LANG")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("torch.cuda.OutOfMemoryError: CUDA out of memory.", "GPU's memory"),
        ("RuntimeError: CUDA error: no kernel image is available", "no code for this GPU"),
        ("AssertionError: Torch not compiled with CUDA enabled", "wanted a GPU"),
        ("OSError: [Errno 28] No space left on device", "disk was full"),
        ("MemoryError", "memory was too small"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "network"),
        ("ModuleNotFoundError: No module named 'einops'", "missing from the lock"),
        ("ImportError: libGL.so.1: cannot open shared object file", "system library"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'x'", "file is missing"),
        ("PermissionError: [Errno 13] Permission denied: '/data'", "may not"),
        ("train.py: error: unrecognized arguments: --lr", "arguments"),
    ],
)
def test_causes(line: str, said: str) -> None:
    """Known messages at the end of a log become a probable cause with something to do."""
    found = cause(Run(id="r", experiment="e", status="failed", tail=("start", line, "")))
    assert found is not None and said in found[0] and found[1]


def test_unknown_causes() -> None:
    """What nobody knows is not guessed; what the record says counts without a log."""
    assert cause(Run(id="r", experiment="e", status="failed", tail=("bye",))) is None
    late = cause(Run(id="r", experiment="e", status="timeout"))
    assert late is not None and "timeout" in late[0]


def test_how_to_repeat() -> None:
    """A command is quoted for the shell, whatever the names in it are."""
    run = Run(
        id="r", experiment="net", params=(("a", "x'y"), ("b", "2")), command="python 'a b.py'"
    )
    assert cell_of(run) == "net{a=x'y,b=2}"
    assert by_hand("img:1", run) == (
        "docker run --rm -it --init --network none img:1 sh -c 'python '\"'\"'a b.py'\"'\"''"
    )


def test_values_as_csv() -> None:
    """Values are part of the page while they are few; what a spreadsheet would run is defused."""
    sheets = Sheets()
    link = sheets.link("a b/c", ("name", "value"), [("=HYPERLINK(1)", 0.1), ('x,"y"', None)])
    address = link.split('href="')[1].split('"')[0].replace("&#x27;", "'").replace("&quot;", '"')
    text = urllib.parse.unquote(address.removeprefix("data:text/csv;charset=utf-8,"))
    assert list(csv.reader(io.StringIO(text)))[1:] == [["'=HYPERLINK(1)", "0.1"], ['x,"y"', ""]]
    assert 'download="a-b-c.csv"' in link and sheets.files == {}
    many = sheets.link("many", ("value",), [(float(i),) for i in range(LARGEST_INLINE)])
    assert 'href="report-data/many.csv"' in many
    assert sheets.files["many.csv"].count("\n") == LARGEST_INLINE + 1


def test_csv_keeps_numbers() -> None:
    """Negative numbers are no formulas."""
    assert as_csv(("a",), [("-1.5e-3",), (-2.5,), ("-x",)]) == "a\n-1.5e-3\n-2.5\n'-x\n"


def test_images(tmp_path: Path) -> None:
    """Each image is shown once; what is too large, or none, or outside, is named or left out."""
    found = list(records())[:2]
    with_image(tmp_path, found[0], "a.png", png(), "same")
    with_image(tmp_path, found[1], "a.png", png(), "same")
    with_image(tmp_path, found[0], "fake.png", b"<script>", "fake")
    with_image(tmp_path, found[0], "large.png", png() + bytes(500_000), "large")
    (tmp_path / "secret.png").write_bytes(png(shade=1))
    for path in ("../../../secret.png", "/etc/passwd.png"):
        found[1]["outputs"].append({"path": path, "size_bytes": 1, "sha256": path, "fresh": True})
    directory = write(tmp_path, found, claims=CLAIMS[:1])
    pictures = read(directory).pictures
    assert [(each.path, bool(each.data)) for each in pictures] == [
        ("a.png", True), ("fake.png", False), ("large.png", False),
    ]  # fmt: skip
    assert isinstance(pictures[0], Picture) and pictures[0].media_type == "image/png"
    text = page(read(directory)).html
    assert text.count("<img ") == 1 and "too large" in text


def test_sections_without_content_are_not_there(tmp_path: Path) -> None:
    """No heading stands over nothing."""
    found = list(records())[:1]
    for metric in found[0]["metrics"].values():
        del metric["history"]
    text = page(read(write(tmp_path, found, claims=CLAIMS[:1]))).html
    for heading in ("Learning curves", "Groups compared", "What matters", "Images"):
        assert heading not in text
    everything = page(read(sample(tmp_path / "all"))).html
    for heading in ("Learning curves", "Groups compared", "What matters", "Images", "Hardware use"):
        assert f">{heading}</h2>" in everything


def test_numbers_for_readers() -> None:
    """Numbers, sizes and times are written as people do."""
    assert [short(x) for x in (0, 0.93, -1.5, 12345678.0)] == ["0", "0.93", "−1.5", "1.235e+07"]
    assert [size(x) for x in (None, 12, 808_448_000)] == ["–", "12 B", "808 MB"]
    assert [span(x) for x in (0.5, 61, 7300)] == ["0.5 s", "1 min 1 s", "2 h 1 min"]
    assert decimals((0.923, 0.931)) == 5


def test_scale() -> None:
    """Ticks are round and inside; equal values have room; the odd ones do no harm."""
    found = scale((0.0, 1.0), 0, 100)
    assert found.ticks(5) == pytest.approx((0.0, 0.5, 1.0)) or len(found.ticks(5)) >= 3
    assert scale((2.0, 2.0), 0, 100).ticks()
    assert scale((float("inf"), 1.0), 0, 100)(1.0) == pytest.approx(50)
    assert scale((), 0, 1)(0.5) == pytest.approx(0.5)


def test_determinism_has_a_section(tmp_path: Path) -> None:
    """What --determinism found, run by run, and what the runs recorded of variables and threads."""
    found = [{**each, "threads": 4, "variables": {"MKL_NUM_THREADS": "2"}} for each in records()]
    repeats = [
        {
            "run": "net-a",
            "same": ["accuracy"],
            "differing": ["loss (0.5, then 0.6)"],
            "problem": "",
        },
        {"run": "net-b", "same": ["accuracy", "model.pt"], "differing": [], "problem": ""},
        {"run": "net-c", "same": [], "differing": [], "problem": "its repetition did not end well"},
    ]
    text = page(read(write(tmp_path, found, determinism=repeats))).html
    section = text.partition('<section id="determinism"')[2].partition("</section>")[0]
    assert "Of 2 runs that were repeated with the same seed, 1 gave other results." in section
    for said in ("loss (0.5, then 0.6)", "byte-equal", "not compared: its repetition", "model.pt"):
        assert said in section
    for said in ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "PYTHONHASHSEED", "at once, at most"):
        assert said in section


def test_data_has_a_section(tmp_path: Path) -> None:
    """How much data there was and what it holds; a long list is folded, odd values are left out."""
    known = {
        "name": "digits",
        "path": "data/digits",
        "n_files": 1797,
        "n_bytes": 4,
        "root_hash": "a",
    }
    data = [
        {**known, "described": ["train: 80 files, 9 MB", "  cat: 40"]},
        {**known, "name": "long", "described": ["line <b>"] * 20},
        {"name": "odd", "n_files": "many", "described": 3},
        {"name": 5},
        "x",
    ]
    read_again = read(write(tmp_path, list(records()), data=data))
    assert [each.name for each in read_again.datasets] == ["digits", "long", "odd"]
    text = page(read_again).html
    section = text.partition('<section id="data"')[2].partition("</section>")[0]
    for said in ("1797", "data/digits", "<li>train: 80 files, 9 MB</li>", "<li>cat: 40</li>"):
        assert said in section
    assert "<summary>What long holds (20)</summary>" in section
    assert "<b>" not in section


def test_without_repetitions_the_section_says_how(tmp_path: Path) -> None:
    """Where nothing was repeated, the page says so and what to type; nothing is assumed."""
    text = page(read(write(tmp_path, list(records())))).html
    assert "No run was repeated: `repropack verify --determinism`" in text
    assert "byte-equal" not in text


@pytest.mark.parametrize(
    ("joules", "factor", "said"),
    [
        (None, 380.0, "unknown: no energy was measured"),
        (3.6e6, None, "unknown: it depends on the grid"),
        (3.6e6, 380.0, "about 760 g CO₂e, at the 380 g/kWh that were stated"),
        (3.6e6, 0.0, "about 0 g CO₂e, at the 0 g/kWh that were stated"),
    ],
)
def test_emissions_follow_from_a_stated_factor(
    tmp_path: Path, joules: float | None, factor: float | None, said: str
) -> None:
    """CO2 is the measured energy times the factor that somebody stated, or unknown."""
    found = [{**each, "gpus": ["GPU"], "gpu_energy_joules": joules} for each in records()][:2]
    assessment = judge_all([NET], CLAIMS[:1], found, name="net")
    saved = report.as_dict(replace(assessment, grid_factor=factor))
    assert saved["compute"]["grid_gco2e_per_kwh"] == factor
    (tmp_path / "report.json").write_text(json.dumps(saved))
    assert said in page(read(tmp_path)).html
