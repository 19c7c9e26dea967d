"""Bundles as files, and what a reviewer waits for: against tar and zstd, docker save, and ReproZip.

    benchmarks/archive.py [--rounds 5] [--example digits-svm] [files] [sizes] [reviewer]

files: a bundle of source files, wheels and a large table is written as an archive and unpacked,
against `tar | zstd -T0` and `zstd | tar`. Target: 1.11x of its time (0.9x of its speed), in at
most 300 MB of memory.

sizes: the image in a bundle and the bundle as a file, against `docker save | zstd` of the image of
benchmarks/Dockerfile, and against a ReproZip pack of the same experiment.

reviewer: from the file to the verdict (unpack, load the image, run, judge), against `reprounzip
directory setup` and `run`, which unpack files to a directory and run there, without a container.

Needs zstd; sizes and reviewer need Docker and reprozip and reprounzip (PyPI) on PATH, or in the
directory that REPROZIP names. Nothing is left behind. Exits 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from byhand import ByHand  # noqa: E402
from commands import BenchmarkError, docker, repropack, run  # noqa: E402
from project import Project  # noqa: E402

from repropack.archives import at_hand, write_archive  # noqa: E402
from repropack.progress import Silent  # noqa: E402

TARGET = 1 / 0.9
MEMORY_MB = 300
QUIET = {"REPROZIP_USAGE_STATS": "off", "REPROUNZIP_USAGE_STATS": "off"}


def made(directory: Path) -> Path:
    """What looks like a bundle: 4000 files of code, 300 MB that do not pack, 350 MB that do."""
    draw = random.Random(1)
    bundle = directory / "bundle"
    words = [hashlib.md5(str(i).encode()).hexdigest()[: draw.randint(2, 9)] for i in range(5000)]
    for number in range(4000):
        path = bundle / "source" / f"part_{number // 100}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(draw.choices(words, k=600)))
    (bundle / "wheels").mkdir()
    for number in range(6):
        (bundle / "wheels" / f"{number}.whl").write_bytes(draw.randbytes(50 << 20))
    text = " ".join(draw.choices(words, k=200_000)).encode()
    with (bundle / "table.csv").open("wb") as file:
        for number in range(300):
            file.write(text[number * 997 :] + text[: number * 997])
    for name in ("repropack.json", "reproduce.sh", "SHA256SUMS", "LINKS"):
        (bundle / name).write_text("")
    return bundle


def shell(script: str) -> float:
    """Seconds of a pipeline."""
    began = time.perf_counter()
    subprocess.run(["bash", "-c", f"set -eo pipefail; {script}"], check=True)
    return time.perf_counter() - began


def apart(function: Callable[[], float]) -> tuple[float, float]:
    """Seconds of a function in a process of its own, and the most MB of memory that it had."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        seconds = function()
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        os.write(writer, json.dumps([seconds, peak_mb]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    os.waitpid(child, 0)
    seconds, peak_mb = json.loads(text)
    return float(seconds), float(peak_mb)


def wrote(bundle: Path, path: Path) -> float:
    """Seconds of writing an archive."""
    began = time.perf_counter()
    write_archive(bundle, bundle.name, path, part_bytes=1 << 50)
    return time.perf_counter() - began


def unpacked(path: Path, cache: Path) -> float:
    """Seconds until a bundle can be read; removing it again is not one of them."""
    began = time.perf_counter()
    with at_hand(path, cache=cache, reporter=Silent()):
        return time.perf_counter() - began


def files(parent: Path, rounds: int) -> bool:
    """Writing and reading; whether both targets are met."""
    bundle, ours, peer = made(parent), parent / "ours.tar.zst", parent / "peer.tar.zst"
    size_mb = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file()) / 1e6
    print(f"{size_mb:.0f} MB in {sum(1 for _ in bundle.rglob('*'))} files and directories")
    pack = f"tar -C {parent} --sort=name -cf - bundle | zstd -q -T0 -f -o {peer}"
    out = parent / "out"
    unpack = f"mkdir {out}; zstd -q -dc {peer} | tar -C {out} -xpf -"
    pairs: dict[str, list[tuple[float, float, float]]] = {"write": [], "read": []}
    for number in range(rounds + 1):
        ours.unlink(missing_ok=True)
        peer.unlink(missing_ok=True)
        mine, theirs = apart(lambda: wrote(bundle, ours)), shell(pack)
        os.sync()
        read, reads = apart(lambda: unpacked(ours, parent / "cache")), shell(unpack)
        shutil.rmtree(out)
        os.sync()
        if number:  # the first round fills the page cache
            pairs["write"].append((*mine, theirs))
            pairs["read"].append((*read, reads))
    print(f"sizes: {ours.stat().st_size / 1e6:.1f} MB, peer {peer.stat().st_size / 1e6:.1f} MB")
    met = [tell(name, measured) for name, measured in pairs.items()]
    return all(met)


def tell(name: str, measured: list[tuple[float, float, float]]) -> bool:
    """One row; whether its targets are met."""
    ratios = sorted(ours / peer for ours, _, peer in measured)
    ratio, peak_mb = statistics.median(ratios), max(peak for _, peak, _ in measured)
    ours = statistics.median(ours for ours, _, _ in measured)
    peers = statistics.median(peer for _, _, peer in measured)
    is_met = ratio <= TARGET and peak_mb <= MEMORY_MB
    print(
        f"{name}: {ours:.2f} s, peer {peers:.2f} s, {ratio:.2f}x ({ratios[0]:.2f}x to "
        f"{ratios[-1]:.2f}x), at most {peak_mb:.0f} MB: {'met' if is_met else 'missed'}"
    )
    return is_met


def reprozip(name: str) -> str:
    """reprozip or reprounzip. Raises `BenchmarkError`."""
    found = shutil.which(name, path=os.environ.get("REPROZIP") or None)
    if found is None:
        raise BenchmarkError(f"there is no {name}: pip install reprozip reprounzip")
    return found


def packed(project: Project, parent: Path) -> Path:
    """The ReproZip pack of the experiment, traced in an environment of its lock."""
    python = parent / "env" / "bin" / "python"
    run([sys.executable, "-m", "venv", str(parent / "env")])
    lock = ("--require-hashes", "-r", str(project.directory / "requirements.txt"))
    run([str(python), "-m", "pip", "install", "--quiet", *lock])
    trace, pack = str(parent / "trace"), parent / "experiment.rpz"
    command = [reprozip("reprozip"), "trace", "-d", trace, str(python), "train.py"]
    run(command, env=QUIET, cwd=project.directory)
    done = run([reprozip("reprozip"), "pack", "-d", trace, str(pack)], env=QUIET)
    print(f"reprozip pack: {done.seconds:.1f} s")
    return pack


def bundled(project: Project, parent: Path) -> tuple[Path, Path]:
    """The bundle with its image, as a directory and as a file."""
    out, archive = parent / "bundle", parent / "bundle.tar.zst"
    words = ("build", str(project.directory), "--with-image", "-o", str(out))
    done = repropack(
        *words, "--archive", str(archive), "--builder", project.builder, cache=project.cache
    )
    print(f"repropack build --with-image --archive: {done.seconds:.1f} s")
    return out, archive


def sizes(project: Project, bundle: Path, archive: Path, pack: Path) -> None:
    """The image and the bundle against what an expert would send."""
    manifest = json.loads((bundle / "repropack.json").read_bytes())
    peer = ByHand.create(project, base=manifest["base"]["reference"], buildkit=False)
    try:
        peer.fetch()
        peer.build(project.revision())
        script = f"set -eo pipefail; docker save {peer.tag} | zstd -q -T0 -c | wc -c"
        saved = int(run(["bash", "-c", script]).output)
    finally:
        peer.remove_images()
    image = (bundle / "image.tar.zst").stat().st_size
    rows = (("image.tar.zst", image), ("bundle as a file", archive.stat().st_size))
    for name, size in rows:
        print(
            f"{name}: {size / 1e6:.1f} MB, docker save | zstd of the image by hand "
            f"{saved / 1e6:.1f} MB ({size / saved:.2f}x), ReproZip's pack "
            f"{pack.stat().st_size / 1e6:.1f} MB ({size / pack.stat().st_size:.2f}x)"
        )


def reviewer(project: Project, archive: Path, pack: Path, parent: Path, rounds: int) -> None:
    """From the file to a verdict, and to ReproZip's output."""
    pairs = []
    for number in range(rounds):
        project.forget()
        out = parent / f"out{number}"
        words = ("verify", str(archive), "--engine", "docker", "-o", str(out))
        ours = repropack(*words, cache=parent / "reviewer").seconds
        place = str(parent / f"unzipped{number}")
        command = [reprozip("reprounzip"), "directory"]
        peer = run([*command, "setup", str(pack), place], env=QUIET).seconds
        peer += run([*command, "run", place], env=QUIET).seconds
        pairs.append((ours, peer))
    ratio = statistics.median(ours / peer for ours, peer in pairs)
    print(
        f"from the file to the verdict: {statistics.median(o for o, _ in pairs):.1f} s; ReproZip's "
        f"setup and run, which judge nothing: {statistics.median(p for _, p in pairs):.1f} s "
        f"({ratio:.2f}x)"
    )


def with_docker(asked: set[str], parent: Path, options: argparse.Namespace) -> None:
    """The measurements that need an example's image."""
    example = ROOT / "examples" / options.example
    project = Project.create(parent / "project", "legacy", example)
    try:
        bundle, archive = bundled(project, parent)
        pack = packed(project, parent)
        if "sizes" in asked:
            sizes(project, bundle, archive, pack)
        if "reviewer" in asked:
            reviewer(project, archive, pack, parent, min(options.rounds, 3))
    finally:
        project.remove_images()


def main() -> int:
    """Measure what was asked for; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar="NAME", help="files, sizes, reviewer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--example", default="digits-svm")
    options = parser.parse_args()
    asked = set(options.what) or {"files", "sizes", "reviewer"}
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    try:
        with tempfile.TemporaryDirectory(prefix="repropack-benchmark-") as name:
            parent = Path(name)
            is_met = files(parent, options.rounds) if "files" in asked else True
            if asked - {"files"}:
                (parent / "project").mkdir()
                docker("version")
                with_docker(asked, parent, options)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
