"""How large the report of 200 runs is, how long it takes to render, and to open in a browser.

    benchmarks/report.py [--runs 200] [--epochs 100] [--rounds 5]

The browser is chromium, headless, with a new profile each time. Its own clock says how long it took
from the navigation until the page was loaded and laid out (a script does that, which only a copy of
the page has); painting and the browser's start are not in it. Targets: under 5 MB, opened in under
2 s. Exits 1 if one is missed, 2 without a browser.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from repropack.verification import read, write_report  # noqa: E402
from tests.verifications import NET, records, write  # noqa: E402

LARGEST_BYTES = 5_000_000
LONGEST_S = 2.0
PROBE = (
    "<script>addEventListener('load', () => { document.body.offsetHeight; "
    "document.title = performance.now().toFixed(1) })</script>"
)


def verification(directory: Path, runs: int, epochs: int) -> Path:
    """A verification of so many runs, each with two histories."""
    cells = 6
    experiment = replace(NET, seeds=tuple(range(-(-runs // cells))))
    found = list(records(experiment, epochs=epochs))[:runs]
    return write(directory, found, experiments=(experiment,))


def probed(page: Path) -> Path:
    """A copy of the page that writes into its title after how many milliseconds it was there."""
    text = page.read_text("utf-8").replace("default-src 'none'", "script-src 'unsafe-inline'")
    copy = page.with_name("probed.html")
    copy.write_text(text.replace("</body>", f"{PROBE}</body>"), "utf-8")
    return copy


def open_s(browser: str, page: Path, directory: Path) -> float:
    """Seconds from the navigation until the page is loaded and laid out."""
    profile = tempfile.mkdtemp(dir=directory)
    done = subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
         "--window-size=1280,900", "--dump-dom", page.as_uri()],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout.split("<title>")[1].split("<")[0]) / 1000


def measure(options: argparse.Namespace, browser: str, directory: Path) -> int:
    """Print the numbers; the exit code."""
    place = verification(directory / "verification", options.runs, options.epochs)
    began = time.perf_counter()
    write_report(read(place))
    rendered_s = time.perf_counter() - began
    page = place / "report.html"
    copy = probed(page)
    times = [open_s(browser, copy, directory) for _ in range(options.rounds)]
    opened_s = statistics.median(times)
    size_bytes = page.stat().st_size
    beside_bytes = sum(path.stat().st_size for path in place.glob("report-data/*"))
    print(f"runs                 {len(list((place / 'runs').iterdir()))}")
    print(f"report.html          {size_bytes / 1e6:.2f} MB (target: under 5 MB)")
    print(f"report-data/         {beside_bytes / 1e6:.2f} MB")
    print(f"rendered in          {rendered_s:.2f} s")
    least, most = min(times), max(times)
    print(f"opened in            {opened_s:.2f} s ({least:.2f} to {most:.2f}; target: under 2 s)")
    return int(size_bytes >= LARGEST_BYTES or opened_s >= LONGEST_S)


def main() -> int:
    """Measure in a temporary directory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("no chromium here: nothing was measured", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        return measure(options, browser, Path(name))


if __name__ == "__main__":
    sys.exit(main())
