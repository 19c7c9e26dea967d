"""Footprints against the tools that people use: data.py [DIRECTORY] [--files N] [--gigabytes G].

Makes small files and a large one in DIRECTORY (default: a temporary one), runs every tool on the
same files in one call, the file cache warm, and prints seconds and ratios. Tools that are not there
are left out. With a load of more than the cores can take the ratios say little: it is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPROPACK = (sys.executable, "-m", "repropack", "data")
WALK = """
import hashlib, os, sys
for parent, _, names in os.walk(sys.argv[1]):
    for name in names:
        digest = hashlib.sha1()
        with open(os.path.join(parent, name), "rb") as file:
            while piece := file.read(65536):
                digest.update(piece)
"""
REPEATS = 3


def make(root: Path, n_files: int, gigabytes: float) -> tuple[Path, Path]:
    """Small files of up to 8 kB, a thousand in a directory, and a large one."""
    source = random.Random(1)
    small, large = root / "small", root / "large"
    for number in range(n_files):
        path = small / f"class{number // 1000:04}" / f"image-{number:07}.bin"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(source.randint(200, 8000)))
    block = source.randbytes(64 << 20)
    with large.open("wb") as file:
        for _ in range(max(1, int(gigabytes * 1e9 / len(block)))):
            file.write(block)
    return small, large


def seconds(command: str) -> float:
    """The best of some calls of a shell command."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - began)
    return best


def compare(title: str, ours: str, others: dict[str, str]) -> None:
    """Print our seconds, and how many times as long the others take."""
    own = seconds(ours)
    load = os.getloadavg()[0]
    print(f"{title}: repropack {own:.2f} s (load {load:.1f} on {os.cpu_count()} cores)")
    for name, command in others.items():
        if shutil.which(name.split()[0]):
            other = seconds(command)
            print(f"  {name}: {other:.2f} s, {other / own:.2f} times as long")


def main() -> None:
    """Make the files, run everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.directory) as scratch:
        here = Path(scratch)
        small, large = make(here, given.files, given.gigabytes)
        out = here / "out.json"
        make_it = " ".join((*REPROPACK, "footprint", "--no-cache", "-o", str(out)))
        walk = f"{sys.executable} -c '{WALK}'"
        each = f"find {small} -type f -print0 | xargs -0"
        compare(
            f"{given.gigabytes} GB in one file",
            f"{make_it} {large}",
            {"b3sum": f"b3sum {large}", "sha256sum": f"sha256sum {large}"},
        )
        compare(
            f"{given.files} small files",
            f"{make_it} {small}",
            {
                "b3sum": f"{each} b3sum",
                "sha256sum": f"{each} sha256sum",
                "python3 (SHA-1 of os.walk)": f"{walk} {small}",
            },
        )
        packed = here / "out.json.gz"
        subprocess.run([*REPROPACK, "footprint", small, "-o", packed], check=True)
        print(f"the footprint: {packed.stat().st_size / given.files:.1f} bytes a file, packed")
        check = " ".join((*REPROPACK, "check", str(small), "--footprint", str(out)))
        compare("quick check", check, {"find": f"find {small} -printf '%p %s %T@\\n'"})
        peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"peak memory of any process: {peak_kb / 1000:.0f} MB")


if __name__ == "__main__":
    main()
