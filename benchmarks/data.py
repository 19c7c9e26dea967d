"""Footprints against the tools that people use: data.py [DIRECTORY] [NAME...] [--dvc PROGRAM] …

Makes the files in DIRECTORY (default: a temporary one; 15 GB) and runs each tool on the same ones,
in turn with ours. Prints how many times as long the other takes: of the pairs the median and the
extremes, of the least disturbed runs of both (best / best), and in CPU seconds; the load beside it.
Tools that are not there are left out.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPROPACK = f"{shlex.quote(sys.executable)} -m repropack data"
#: A straightforward one, as DeepDIVA does it: os.walk, and SHA-1 of each file in pieces.
WALK = """
import hashlib, os, sys
for parent, _, names in os.walk(sys.argv[1]):
    for name in names:
        digest = hashlib.sha1()
        with open(os.path.join(parent, name), "rb") as file:
            while piece := file.read(65536):
                digest.update(piece)
"""
#: No more than the system calls: what any program in Python pays that opens each file.
BOUND = """
import os, sys
for parent, _, names in os.walk(os.fsencode(sys.argv[1])):
    inside = os.open(parent, os.O_RDONLY)
    for name in names:
        file = os.open(name, os.O_RDONLY, dir_fd=inside)
        os.read(file, os.fstat(file).st_size + 1)
        os.fstat(file)
        os.close(file)
    os.close(inside)
"""
DROP = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one call of a command took, with all processes that it started."""

    wall_s: float
    cpu_s: float


def took(command: str, *, before: Callable[[], object] = lambda: None) -> Took:
    """Run a shell command. `before` is not measured."""
    before()
    began = time.perf_counter()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = subprocess.Popen(
        ["sh", "-c", f"exec {command}"] if "|" not in command else ["sh", "-c", command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    _, status, usage = os.wait4(started.pid, 0)
    wall_s = time.perf_counter() - began
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise subprocess.CalledProcessError(started.returncode, command)
    return Took(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime)


def compare(
    title: str,
    ours: str,
    others: dict[str, tuple[str, float]],
    rounds: int,
    *,
    before: Callable[[], object] = lambda: None,
    warm_up: bool = True,
) -> None:
    """Print how many times as long the others take, in pairs; each has a target or 0."""
    print(f"\n## {title}\n")
    print("| peer | ours | peer's | peer / ours | best / best | in CPU seconds | target | load |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (command, target) in others.items():
        if not (shutil.which(shlex.split(command)[0]) or "|" in command):
            continue
        if warm_up:
            took(ours), took(command)
        pairs = [(took(ours, before=before), took(command, before=before)) for _ in range(rounds)]
        walls = [(own.wall_s, other.wall_s) for own, other in pairs]
        cpus = [(own.cpu_s, other.cpu_s) for own, other in pairs]
        best = min(other for _, other in walls) / min(own for own, _ in walls)
        own, other = (statistics.median(side) for side in zip(*walls, strict=True))
        wanted = f"{target:.1f}x" if target else ""
        print(
            f"| {name} | {own:.2f} s | {other:.2f} s | {spread(walls)} | {best:.2f}x "
            f"| {spread(cpus)} "
            f"| {wanted} | {os.getloadavg()[0]:.1f} |",
            flush=True,
        )


def spread(pairs: list[tuple[float, float]]) -> str:
    """The ratio of pairs: its median, and the extremes."""
    ratios = [other / own for own, other in pairs]
    told = f"**{statistics.median(ratios):.2f}x**"
    return told if len(ratios) == 1 else f"{told} ({min(ratios):.2f} to {max(ratios):.2f})"


def peak_mb(command: str) -> float:
    """The most memory that a command and all its processes have had: the sum of their peaks."""
    started = subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    peaks: dict[str, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for status in Path("/proc").glob("[0-9]*/status"):
                try:
                    if os.getsid(int(status.parent.name)) != started.pid:
                        continue
                    lines = dict(
                        line.split(":", 1)
                        for line in status.read_text().splitlines()
                        if ":" in line
                    )
                except (OSError, ValueError):
                    continue
                if "VmHWM" in lines:
                    peaks[status.parent.name] = int(lines["VmHWM"].split()[0])

    thread = threading.Thread(target=watch)
    thread.start()
    started.wait()
    over.set()
    thread.join()
    return sum(peaks.values()) / 1000


def make_small(root: Path, n_files: int, smallest: int = 200, largest: int = 8000) -> Path:
    """Files of random bytes (200 to 8 000 of them), a thousand in a directory."""
    source = random.Random(1)
    for number in range(n_files):
        path = root / f"class{number // 1000:04}" / f"image-{number:07}.bin"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(source.randint(smallest, largest)))
    return root


def make_large(path: Path, gigabytes: float) -> Path:
    """One file of random bytes."""
    block = random.Random(2).randbytes(64 << 20)
    with path.open("wb") as file:
        for _ in range(max(1, int(gigabytes * 1e9 / len(block)))):
            file.write(block)
    return path


def make_many(root: Path, n_files: int) -> Path:
    """As many files as ImageNet; one in ten has a few bytes in it, the others none."""
    for number in range(n_files):
        path = root / f"part{number // 100_000:02}" / f"n{number // 1000:08}" / f"{number:08}.JPEG"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number if number % 10 == 0 else b"")
    return root


def drop_caches() -> str:
    """Forget what the system has read. How, or nothing where it may not be done."""
    os.sync()
    try:
        DROP.write_text("3")
    except OSError:
        return ""
    return f"echo 3 > {DROP}"


def measure_small(here: Path, given: argparse.Namespace) -> None:
    """Small files, the file cache warm and, where it may be dropped, cold."""
    small = make_small(here / "small", given.files)
    out = here / "small.json"
    ours = f"{REPROPACK} footprint --no-cache -o {out} {small}"
    others = over_each(small)
    compare(f"{given.files} small files, warm", ours, others, given.rounds)
    how = drop_caches()
    if how:
        first = dict(list(others.items())[:3])
        title = f"{given.files} small files, cold ({how})"
        compare(title, ours, first, 1, before=drop_caches, warm_up=False)
    took(ours)
    with_cache = f"env REPROPACK_CACHE={here / 'cache'} {REPROPACK} footprint -o {out} {small}"
    time.sleep(2.5)  # younger files are not remembered
    first_s, second_s = took(with_cache).wall_s, took(with_cache).wall_s
    print(f"\nWith an empty cache {first_s:.2f} s, again {second_s:.2f} s.")
    packed = here / "small.json.gz"
    took(f"{REPROPACK} footprint --no-cache -o {packed} {small}")
    print(f"Packed, {packed.stat().st_size / given.files:.1f} bytes a file (target: 120).")
    if given.dvc:
        measure_dvc(here, small, ours, given)


def over_each(root: Path) -> dict[str, tuple[str, float]]:
    """What reads each file of a directory, with what is to be reached; a bound at the end."""
    python = shlex.quote(sys.executable)
    each = f"find {root} -type f -print0 | xargs -0"
    return {
        "`b3sum`": (f"{each} b3sum", 1.0),
        "`sha256sum`": (f"{each} sha256sum", 2.0),
        "SHA-1 of `os.walk`": (f"{python} -c {shlex.quote(WALK)} {root}", 4.0),
        "system calls alone, one process": (f"{python} -c {shlex.quote(BOUND)} {root}", 0.0),
    }


def measure_images(here: Path, given: argparse.Namespace) -> None:
    """Files of the size of photographs."""
    images = make_small(here / "images", given.images, 60_000, 160_000)
    ours = f"{REPROPACK} footprint --no-cache -o {here / 'images.json'} {images}"
    compare(f"{given.images} files of 60 to 160 kB, warm", ours, over_each(images), given.rounds)
    shutil.rmtree(images)


def measure_dvc(here: Path, small: Path, ours: str, given: argparse.Namespace) -> None:
    """`dvc add` of the same files, once: it moves them into its cache and links them from there."""
    dvc = shlex.quote(given.dvc)
    env = f"DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR={here / 'site'}"
    set_up = f"cd {here} && {dvc} init -q --no-scm && {dvc} config cache.type hardlink"
    subprocess.run(["sh", "-c", set_up], check=True, stdout=subprocess.DEVNULL)
    add = {"`dvc add`, hard links": (f"env {env} {dvc} --cd {here} add -q small", 4.0)}
    compare(f"{given.files} small files, DVC", ours, add, 1, warm_up=False)


def measure_large(here: Path, given: argparse.Namespace) -> None:
    """One large file."""
    large = make_large(here / "large", given.gigabytes)
    ours = f"{REPROPACK} footprint --no-cache -o {here / 'large.json'} {large}"
    others = {"`b3sum`": (f"b3sum {large}", 1.0), "`sha256sum`": (f"sha256sum {large}", 2.0)}
    compare(f"{given.gigabytes} GB in one file, warm", ours, others, given.rounds)
    how = drop_caches()
    if how:
        title = f"{given.gigabytes} GB in one file, cold ({how})"
        compare(title, ours, others, given.rounds, before=drop_caches, warm_up=False)
    large.unlink()


def measure_many(here: Path, given: argparse.Namespace) -> None:
    """A quick check of very many files, and how much memory that and a footprint take."""
    many = make_many(here / "many", given.many)
    out = here / "many.json"
    ours = f"{REPROPACK} footprint --no-cache -o {out} {many}"
    print(f"\nPeak of a footprint of {given.many} files: {peak_mb(ours):.0f} MB (target: 600).")
    check = f"{REPROPACK} check {many} --footprint {out}"
    print(f"Peak of a quick check: {peak_mb(check):.0f} MB.")
    find = {"`find -printf '%p %s %T@\\n'`": (f"find {many} -printf '%p %s %T@\\n'", 0.5)}
    compare(f"Quick check of {given.many} files, warm", check, find, given.rounds)


def main() -> None:
    """Make the files, run everything."""
    parts = {
        "large": measure_large,
        "images": measure_images,
        "small": measure_small,
        "many": measure_many,
    }
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("names", nargs="*", default=list(parts), help=" ".join(parts))
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--many", type=int, default=1_300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dvc", help="the program, to be compared with as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.directory) as scratch:
        for name in given.names:
            parts[name](Path(scratch), given)


if __name__ == "__main__":
    main()
