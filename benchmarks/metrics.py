"""Reading metrics out of large files, against TensorBoard's own reader and a plain loop.

    benchmarks/metrics.py [--tensorboard PYTHON] [--megabytes N] [--rounds N]

PYTHON is an interpreter that has `tensorboard` (by default a new environment that uv makes). Each
reading is a process of its own: its seconds and its peak memory are told, ours and the peer's in
turn. Without TensorFlow, TensorBoard computes each checksum in Python and takes half an hour for
200 MB: it is given a fortieth of the file, and seconds per megabyte are compared. Exits 1 when ours
takes longer than the peer, or over 100 MB of memory.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LARGEST_MEMORY_MB: Final = 100
PEER_SHARE: Final = 40

WRITE: Final = """
import sys
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
with open(sys.argv[1], "wb") as stream:
    writer = RecordWriter(stream)
    for step in range(1000):
        for tag in ["val/acc", *(f"train/loss_{n}" for n in range(9))]:
            value = Summary.Value(tag=tag, simple_value=1.0 - 1.0 / (step + 2))
            event = Event(wall_time=1.7e9 + step, step=step, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())
"""
MEASURED: Final = """
import resource, sys, time
begin = time.perf_counter()
{}
seconds = time.perf_counter() - begin
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, text)
"""
PEER_EVENTS: Final = """
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
for event in EventFileLoader(sys.argv[1]).Load():
    for value in event.summary.value:
        if value.tag == "val/acc":
            text = value.tensor.float_val[0]
"""
PEER_LOG: Final = """
import re
pattern = re.compile(r"acc: (\\S+)")
with open(sys.argv[1], encoding="utf-8", errors="replace") as stream:
    for line in stream:
        match = pattern.search(line)
        if match:
            text = match.group(1)
"""
OURS: Final = """
import os
from repropack.judge.model import Metric
from repropack.judge.readers import read_metric
directory, name = os.path.split(sys.argv[1])
found = read_metric(Metric("m", {reader!r}, name, {key!r}), directory, sys.argv[1])
assert not found.reason, found.reason
text = found.text
"""


def timed(python: str, code: str, path: Path) -> tuple[float, float, str]:
    """Seconds, peak megabytes and the number, of one process that reads the file."""
    command = [python, "-c", MEASURED.format(code), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, megabytes, text = done.stdout.split()
    return float(seconds), float(megabytes), text


def event_file(python: str, path: Path, megabytes: int) -> None:
    """Ten tags of a thousand steps as TensorBoard writes them, again and again."""
    subprocess.run([python, "-c", WRITE, str(path)], check=True)
    block = path.read_bytes()
    with path.open("wb") as stream:
        for _ in range(megabytes * 1_000_000 // len(block) + 1):
            stream.write(block)


def log_file(path: Path, megabytes: int) -> None:
    """A log of epochs, with a progress bar between them."""
    lines = "".join(f"step {n} of 100, 12.3 it/s, loss 0.1234\n" for n in range(100))
    block = "".join(f"{lines}epoch {n} acc: 0.{n}\n" for n in range(1000, 1020)).encode()
    with path.open("wb") as stream:
        for _ in range(megabytes * 1_000_000 // len(block) + 1):
            stream.write(block)


def compare(
    name: str, codes: tuple[str, str], python: str, paths: tuple[Path, Path], rounds: int
) -> bool:
    """Measure in turn and print; whether ours is no slower a megabyte, and small."""
    interpreters = (sys.executable, python)
    pairs = [
        tuple(timed(*each) for each in zip(interpreters, codes, paths, strict=True))
        for _ in range(rounds)
    ]
    share = paths[0].stat().st_size / paths[1].stat().st_size
    ratio = statistics.median(a[0] / (b[0] * share) for a, b in pairs)
    seconds = [statistics.median(pair[side][0] for pair in pairs) for side in (0, 1)]
    memory = [max(pair[side][1] for pair in pairs) for side in (0, 1)]
    print(
        f"{name}: {seconds[0]:.2f} s and {memory[0]:.0f} MB, peer {seconds[1]:.2f} s and "
        f"{memory[1]:.0f} MB for 1/{share:.0f} of it: {ratio:.3f}x"
    )
    return ratio <= 1.0 and memory[0] <= LARGEST_MEMORY_MB


def tensorboard_python(directory: Path) -> str:
    """An interpreter of a new environment with TensorBoard."""
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", str(directory)], check=True)
    python = str(directory / "bin" / "python")
    packages = ["tensorboard", "setuptools<81"]
    subprocess.run([uv, "pip", "install", "-q", "--python", python, *packages], check=True)
    return python


def main() -> int:
    """Measure both; the exit code."""
    parser = argparse.ArgumentParser(description="Read metrics out of large files.")
    parser.add_argument("--tensorboard", metavar="PYTHON")
    parser.add_argument("--megabytes", type=int, default=200, help="of events; the log has 5 times")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="repropack-benchmark-") as parent:
        scratch = Path(parent)
        python = options.tensorboard or tensorboard_python(scratch / "venv")
        events, log = scratch / "events.out.tfevents.1", scratch / "log.txt"
        part = scratch / "events.out.tfevents.2"
        event_file(python, part, max(1, options.megabytes // PEER_SHARE))
        with events.open("wb") as stream:
            for _ in range(PEER_SHARE):
                stream.write(part.read_bytes())
        log_file(log, 5 * options.megabytes)
        ours = OURS.format(reader="tensorboard", key="val/acc")
        good = compare("event file", (ours, PEER_EVENTS), python, (events, part), options.rounds)
        ours = OURS.format(reader="stdout", key=r"acc: (\S+)")
        good &= compare("log", (ours, PEER_LOG), sys.executable, (log, log), options.rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
