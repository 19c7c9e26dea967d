"""Python packages → Debian packages, by exact name."""

from __future__ import annotations

import pytest

from repropack.debian import build_packages, system_packages
from repropack.findings import Choice, Severity
from tests.unit.cuda.locks import lock


def names(pins: str, suite: str = "bookworm", **options: tuple[str, ...]) -> list[str]:
    """The packages that the base of a lock gets."""
    found = system_packages(lock(pins), suite=suite, excluded=options.get("excluded", ()))
    return [choice.value for choice in found.packages]


@pytest.mark.parametrize(
    ("pins", "wanted"),
    [
        ("opencv-python==4.9.0.80", ["libgl1", "libglib2.0-0"]),
        ("opencv_contrib.python==4.9.0.80", ["libgl1", "libglib2.0-0"]),
        ("opencv-python-headless==4.9.0.80", []),
        ("my-opencv-python==1.0", []),
        ("soundfile==0.11.0", ["libsndfile1"]),
        ("soundfile==0.12.1", []),
        ("soundfile==broken", []),
        ("psycopg2-binary==2.9", []),
        ("psycopg2==2.9", ["libpq5"]),
        ("openslide-python==1.4.1", ["libopenslide0"]),
        ("openslide-python==1.4.1 openslide-bin==4.0", []),
        ("openslide-python==1.3.1 openslide-bin==4.0", ["libopenslide0"]),
        ("numpy==2.0.0", []),  # its row is for builds alone
        ("moviepy==1.0.3", []),
        ("pydot==3.0 graphviz==0.20 pytesseract==0.3", ["graphviz", "tesseract-ocr"]),
    ],
)
def test_packages_by_exact_name(pins: str, wanted: list[str]) -> None:
    """A distribution's own name and version decide, never a part of the name."""
    assert names(pins) == wanted


def test_each_suite_has_its_names() -> None:
    """What a package is called in the release of the base; what a release lacks is told."""
    assert names("opencv-python==4.9", "trixie") == ["libgl1", "libglib2.0-0t64"]
    assert names("gdal==3.4", "bullseye") == ["libgdal28"]
    found = system_packages(lock("weasyprint==60.0"), suite="bullseye")
    (absent,) = [f for f in found.findings if f.kind == "system.absent"]
    assert (absent.value, absent.severity) == ("libharfbuzz-subset0", Severity.WARNING)
    assert "weasyprint==60.0 in requirements.lock:1" in absent.because


def test_the_reason_names_package_line_and_table() -> None:
    """A finding says which pin, where it stands and from which table it follows."""
    found = system_packages(lock("numpy==2.0.0 opencv-python==4.9.0.80"), suite="bookworm")
    finding = next(f for f in found.findings if f.value == "libgl1")
    assert finding.kind == "system.needed"
    assert "opencv-python==4.9.0.80 in requirements.lock:2 needs it: its cv2" in finding.because
    assert "debian table of 20" in finding.because
    assert finding.where is not None and finding.where.line == 2
    assert found.packages[0].because == finding.because


def test_asked_packages_keep_their_reason_and_get_the_suites_name() -> None:
    """A package that apt.txt names too is there once; an older name becomes the suite's own."""
    asked = tuple(Choice(value=n, because="apt.txt:1") for n in ("libgl1-mesa-glx", "zip"))
    found = system_packages(lock("opencv-python==4.9"), suite="trixie", asked=asked)
    told = {choice.value: choice.because for choice in found.packages}
    assert told["zip"] == "apt.txt:1"
    assert told["libgl1"] == "trixie's name of libgl1-mesa-glx: apt.txt:1"
    assert sorted(told) == ["libgl1", "libglib2.0-0t64", "zip"]


def test_declined_packages() -> None:
    """What apt_exclude names is left out and told; what nothing asked for is a warning."""
    pins = lock("opencv-python==4.9")
    found = system_packages(pins, suite="bookworm", excluded=("libgl1", "libgl2"))
    assert [choice.value for choice in found.packages] == ["libglib2.0-0"]
    told = {f.value: f.severity for f in found.findings if f.kind == "system.excluded"}
    assert told == {"libgl1": Severity.INFO, "libgl2": Severity.WARNING}
    assert names("opencv-python==4.9", "trixie", excluded=("libglib2.0-0",)) == ["libgl1"]


def test_hints_install_nothing() -> None:
    """What only some uses need is told, unless it is installed anyway."""
    found = system_packages(lock("mujoco==3.1"), suite="bookworm")
    assert found.packages == ()
    assert {f.value for f in found.findings} == {"libegl1", "libgl1", "libosmesa6"}
    asked = (Choice(value="libegl1", because="apt.txt:1"),)
    found = system_packages(lock("mujoco==3.1"), suite="bookworm", asked=asked)
    assert {f.value for f in found.findings} == {"libgl1", "libosmesa6"}


def test_packages_to_compile_with() -> None:
    """Compilers and Python's headers for all; a distribution's headers by its row and the suite."""
    everything = build_packages((), suite="bookworm")
    assert {"gcc", "g++", "python3-dev"} <= set(everything)
    assert set(build_packages(("pycairo", "none"), suite="trixie")) == {
        *everything, "libcairo2", "libcairo2-dev",
    }  # fmt: skip
