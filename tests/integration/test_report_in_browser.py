"""The report in a real browser: it opens without a network, in light, in dark, narrow, on paper."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from repropack.verification import read, write_report
from tests.verifications import sample

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--proxy-server=127.0.0.1:9", "--enable-logging=stderr",
)  # fmt: skip
PROBE = (
    "<script>document.title = document.documentElement.scrollWidth <= innerWidth "
    "? 'it fits' : 'too wide'</script></body>"
)
VERDICTS = """<script>
const ends = [...document.querySelectorAll(".claims .verdict")].map(each =>
  each.getBoundingClientRect().right <= each.closest(".wide").getBoundingClientRect().right + 1)
const told = document.body.appendChild(document.createElement("i"))
told.textContent = "whole: " + (ends.length > 3 && ends.every(each => each))
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium here"),
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample."""
    directory = sample(tmp_path_factory.mktemp("report"))
    write_report(read(directory, author=read(directory)))
    return directory / "report.html"


def browse(page: Path, *options: str) -> tuple[str, str]:
    """What the browser prints and says when it opens a page."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [str(BROWSER), *OPTIONS, profile, *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def ground(page: Path, picture: Path, *options: str) -> bytes:
    """The colour of the page's first pixel."""
    browse(page, f"--screenshot={picture}", "--window-size=1280,800", *options)
    data, place = picture.read_bytes(), 8
    packed = b""
    while place < len(data):
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        packed += data[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += size + 12
    return zlib.decompress(packed)[1:4]  # behind the filter, which leaves the first pixel as it is


def test_opens(shown: Path) -> None:
    """Everything is there, nothing was refused or missing."""
    text, said = browse(shown, "--dump-dom")
    assert "<h1>net</h1>" in text and text.count("<section") >= 10
    assert "Refused" not in said and "ERR_" not in said and "CONSOLE" not in said


def test_light_and_dark(shown: Path, tmp_path: Path) -> None:
    """The page follows the reader's setting."""
    assert min(ground(shown, tmp_path / "light.png")) > 200
    assert max(ground(shown, tmp_path / "dark.png", "--force-dark-mode")) < 60


def test_fits_a_narrow_window(shown: Path) -> None:
    """Wide tables scroll by themselves; the page does not."""
    text = shown.read_text("utf-8").replace("default-src 'none'", "script-src 'unsafe-inline'")
    page = shown.with_name("narrow.html")
    page.write_text(text.replace("</body>", PROBE), "utf-8")
    assert "<title>it fits</title>" in browse(page, "--dump-dom", "--window-size=500,900")[0]


@pytest.mark.parametrize("width", [1280, 500])
def test_long_names_hide_no_verdict(width: int, tmp_path: Path) -> None:
    """A claim whose name cannot be broken leaves every verdict whole, and the page its width."""
    directory = sample(tmp_path / "report")
    told = directory / "report.json"
    told.write_text(told.read_text("utf-8").replace("eca-accuracy", 80 * "x"), "utf-8")
    write_report(read(directory))
    page = directory / "report.html"
    text = page.read_text("utf-8").replace("default-src 'none'", "script-src 'unsafe-inline'")
    assert 80 * "x" in text
    page.write_text(text.replace("</body>", f"{VERDICTS}{PROBE}"), "utf-8")
    said = browse(page, "--dump-dom", f"--window-size={width},900")[0]
    assert "<title>it fits</title>" in said and "<i>whole: true</i>" in said


def test_prints(shown: Path, tmp_path: Path) -> None:
    """It becomes a PDF of several pages."""
    paper = tmp_path / "report.pdf"
    browse(shown, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF") and data.count(b"/Type /Page\n") + data.count(b"/Page/") > 0
