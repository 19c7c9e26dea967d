"""Footprints that take several processes, and what may happen to those."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from repropack.errors import IntegrityError
from repropack.footprint import Algorithm, How, check, footprint, ours, pool, read, reading
from repropack.footprint.hashing import Task
from repropack.footprint.model import Found
from repropack.footprint.pool import Pool
from repropack.footprint.reading import LARGE
from repropack.footprint.walk import Tree
from repropack.progress import Silent
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some thousand small files and a large one."""
    root = tmp_path_factory.mktemp("many") / "data"
    source = random.Random(5)
    for number in range(6000):
        path = root / f"{number % 7}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(number % 300))
    (root / "large").write_bytes(source.randbytes(1 << 20) * (1 + LARGE // (1 << 20)))
    return root


def made(data: Path, out: Path, **options: object) -> str:
    """The root hash of a directory."""
    return footprint(data, out, reporter=Silent(), **options).summary.root_hash  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", [Algorithm.BLAKE3, Algorithm.SHA1])
def test_any_number_of_processes_gives_the_same(
    many: Path, tmp_path: Path, algorithm: Algorithm
) -> None:
    """One, two, five, or as many as are taken without a word: the files are the same to the byte,
    and the program's own tool agrees."""
    for jobs in (1, 2, 5, None):
        made(many, tmp_path / f"{jobs}.json", jobs=jobs, algorithm=algorithm)
    one = (tmp_path / "1.json").read_bytes()
    assert one == (tmp_path / "2.json").read_bytes() == (tmp_path / "5.json").read_bytes()
    assert one == (tmp_path / "None.json").read_bytes()
    program = "b3sum" if algorithm is Algorithm.BLAKE3 else "sha1sum"
    if shutil.which(program):
        told = subprocess.run([program, many / "large"], capture_output=True, text=True, check=True)
        large = {entry.path: entry.hash for entry in ours.Reader(tmp_path / "2.json").entries()}
        assert told.stdout.split()[0] == large[b"large"].hex()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of the files of a dataset that this process opens from now on."""
    names: list[bytes] = []
    original = os.open

    def watched(name: Any, flags: int, *args: Any, dir_fd: int | None = None) -> int:
        if dir_fd is not None and not flags & os.O_DIRECTORY:
            names.append(name)
        return original(name, flags, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", watched)
    return names


def test_a_second_call_reads_nothing(many: Path, tmp_path: Path, opened: list[bytes]) -> None:
    """Hashes are remembered by path, size, inode and times; a file that changed is read again."""
    cache = tmp_path / "cache"
    time.sleep(max(0.0, 2.1 - (time.time() - (many / "large").stat().st_ctime)))
    first = made(many, tmp_path / "1.json", cache=cache)
    opened.clear()
    assert made(many, tmp_path / "2.json", cache=cache, jobs=1) == first
    assert opened == []
    victim = many / "3" / "10.bin"
    before, content = victim.stat(), victim.read_bytes()
    victim.write_bytes(bytes(len(content)))
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert made(many, tmp_path / "3.json", cache=cache, jobs=1) != first
    assert opened == [b"10.bin"]  # though its size and time are what they were
    victim.write_bytes(content)
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert made(many, tmp_path / "4.json", cache=cache) == first


def test_large_files_leave_room_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many processes there are, as many large files are read at once as there are cores."""
    log = tmp_path / "log"

    def logged(*_: object) -> int:
        with log.open("a") as file:
            file.write("in\n")
        time.sleep(0.1)
        with log.open("a") as file:
            file.write("out\n")
        return LARGE

    monkeypatch.setattr(reading, "_read", logged)
    monkeypatch.setattr(pool, "cores", lambda: 2)
    data = tmp_path / "d"
    data.mkdir()
    for number in range(6):
        with (data / f"{number}").open("wb") as file:
            file.truncate(LARGE)
    made(data, tmp_path / "o.json", algorithm=Algorithm.SHA1, jobs=6)
    at_once = list(accumulate(1 if word == "in" else -1 for word in log.read_text().split()))
    assert (max(at_once), at_once.count(0) < 6, len(at_once)) == (2, True, 12)


def test_a_mapped_file_that_is_cut_short_ends_no_more_than_a_process(tmp_path: Path) -> None:
    """The process that had it mapped dies; the file is told to have changed, others are hashed."""
    data = tmp_path / "d"
    data.mkdir()
    with (data / "large").open("wb") as file:
        file.truncate(40 * LARGE)
    (data / "small").write_bytes(b"x")
    tree = Tree(data)
    large, small = tree.walk()
    workers = Pool(tree, Algorithm.BLAKE3, jobs=1)
    tasks = [Task(batch=[found], algorithm=Algorithm.BLAKE3) for found in (large, small)]
    future = workers.submit(tasks[0], large.size_bytes)
    assert future is not None
    cut = threading.Event()

    def tick() -> None:
        if workers.read_bytes > 0 and not cut.is_set():
            cut.set()
            os.truncate(data / "large", 1)

    try:
        assert workers.take(tasks[0], future, tick) == ["changed while being read"]
        assert cut.is_set()
        assert isinstance(workers.take(tasks[1], None, tick)[0], bytes)
    finally:
        workers.close()
    assert isinstance(small, Found)


COMMAND = "data footprint {data} -o {out} --jobs 2"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_next_call_goes_on_where_one_was_stopped(
    tmp_path: Path, how: signal.Signals, opened: list[bytes]
) -> None:
    """Ctrl-C and even a kill lose nothing that was hashed, and leave no half footprint."""
    data = tmp_path / "data"
    for folder in range(20):
        (data / f"{folder:02}").mkdir(parents=True)
        for number in range(400):
            (data / f"{folder:02}" / f"{number}").write_bytes(b"x" * 30_000)
    with (data / "zz").open("wb") as file:
        file.truncate(30 << 30)  # far longer than the test takes
    time.sleep(2.1)
    env = {**os.environ, "REPROPACK_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = COMMAND.format(data=data, out=tmp_path / "f.json").split()
    started = subprocess.Popen(
        [sys.executable, "-m", "repropack", *command], env=env, stderr=subprocess.PIPE, text=True
    )
    part = tmp_path / "cache" / "footprints"
    deadline_s = time.monotonic() + 60
    while sum(p.stat().st_size for p in part.glob("*")) < 500_000 and not_over(deadline_s, started):
        time.sleep(0.05)
    started.send_signal(how)
    told = started.communicate(timeout=60)[1]
    assert started.returncode == (130 if how is signal.SIGINT else -9), told
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.glob("*json*")] == []
    (data / "zz").unlink()
    opened.clear()
    made(data, tmp_path / "f.json", cache=tmp_path / "cache", jobs=1)
    assert len(opened) < 4500  # of 8 000


def not_over(deadline_s: float, started: subprocess.Popen[str]) -> bool:
    """Whether it is worth waiting on."""
    assert started.poll() is None, started.communicate()[1]
    return time.monotonic() < deadline_s


#: What is imported before can be used by a user who may not read it.
AS_ANOTHER = """
import difflib, os, sys
import blake3, repropack.cli.commands, repropack.cli.output, traceback
import repropack.footprint.making, repropack.footprint.checking, repropack.footprint.formats
from repropack.cli import run
os.setuid(65534)
sys.exit(run(["data", "footprint", *sys.argv[1:2], "-o", *sys.argv[2:], "--no-cache"]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed, whose files are refused")
def test_what_may_not_be_read_is_told_at_once() -> None:
    """Files and directories of somebody else, all of them in one error."""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        here.chmod(0o777)
        for name in ("open", "shut", "also shut"):
            (here / "d" / name).mkdir(parents=True)
            (here / "d" / name / "file").write_text(name)
        (here / "d" / "shut" / "file").chmod(0)
        (here / "d" / "also shut").chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER, here / "d", here / "f.json"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 3, done.stderr
        assert "  also shut/ permission denied\n  shut/file permission denied" in done.stderr


def test_a_quick_check_reads_what_was_touched(many: Path, tmp_path: Path) -> None:
    """Another time alone is no difference, and no reason to believe that there is none."""
    made(many, tmp_path / "f.json")
    touched = many / "1" / "1.bin"
    os.utime(touched, ns=(1, 1))
    result = check(many, read(tmp_path / "f.json", dataset=many), how=How.QUICK, reporter=Silent())
    assert result.same and (result.hashed, result.retimed) == (1, 1)


def rewrite(path: Path) -> None:
    """Other content of the same length, with the time set back."""
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda data: None,
    "added": lambda data: (data / "0" / "new").write_bytes(b""),
    "added at the end": lambda data: (data / "zz").write_bytes(b""),
    "removed": lambda data: (data / "6" / "13.bin").unlink(),
    "longer": lambda data: (data / "6" / "13.bin").write_bytes(b"x" * 1000),
    "written": lambda data: rewrite(data / "6" / "13.bin"),
    "touched": lambda data: os.utime(data / "6" / "13.bin", ns=(1, 1)),
    "directory": lambda data: (data / "7").mkdir(),
    "link": lambda data: (data / "link").rename(data / "renamed"),
    "fifo": lambda data: os.mkfifo(data / "pipe"),
}


@pytest.mark.parametrize("how", [How.QUICK, How.DEEP])
@pytest.mark.parametrize("change", CHANGES)
def test_the_short_way_says_what_the_long_one_says(
    tmp_path: Path, change: str, how: How, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For many files a check takes a short way, in processes or not, with the same result."""
    data = tmp_path / "d"
    for number in range(40):
        path = data / f"{number % 7}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(number))
    (data / "link").symlink_to("0")
    (data / 'odd"').write_bytes(b"")
    (data / "empty").mkdir()
    made(data, tmp_path / "f.json")
    CHANGES[change](data)
    recorded = tmp_path / "f.json"
    results = []
    for many_files in (10, 10**9):
        monkeypatch.setattr("repropack.footprint.glance.MANY_FILES", many_files)
        results.append(check(data, read(recorded, dataset=data), how=how, reporter=Silent()))
    short, long = ((r.kinds, r.n_files, r.n_bytes, r.hashed, r.retimed) for r in results)
    assert short == long
    unseen = {"nothing", "touched"} | ({"written"} if how is How.QUICK else set())
    assert results[0].same == (change in unseen)


def test_a_deep_check_reads_a_file_once(many: Path, tmp_path: Path, opened: list[bytes]) -> None:
    """Also where something differs: what the short way has read, the long one knows."""
    made(many, tmp_path / "f.json")
    recorded = read(tmp_path / "f.json", dataset=many)
    with (many / "2" / "16.bin").open("ab") as file:
        file.write(b"more")
    try:
        time.sleep(2.1)
        opened.clear()
        result = check(many, recorded, how=How.DEEP, jobs=1, reporter=Silent())
        assert result.changed.first == ["2/16.bin (20 bytes, recorded 16)"]
        assert opened.count(b"15.bin") == opened.count(b"16.bin") == 1
        assert result.hashed == 6000
    finally:
        os.truncate(many / "2" / "16.bin", 16)


def test_the_short_way_reads_the_whole_footprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash that was tampered with is noticed though nothing is hashed."""
    data = tmp_path / "d"
    data.mkdir()
    (data / "a").write_bytes(b"x")
    (data / "b").write_bytes(b"y")
    recorded = tmp_path / "f.json"
    made(data, recorded)
    monkeypatch.setattr("repropack.footprint.glance.MANY_FILES", 1)
    assert check(data, read(recorded, dataset=data), reporter=Silent()).same
    text = recorded.read_bytes()
    first = next(ours.Reader(recorded).entries()).hash.hex().encode()
    recorded.write_bytes(text.replace(first, first[::-1]))
    with pytest.raises(IntegrityError, match="root hash"):
        check(data, read(recorded, dataset=data), reporter=Silent())
