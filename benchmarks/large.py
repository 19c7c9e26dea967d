"""`repropack inspect` of a large repository, against git's own listing of its files.

Owns: the repository that it is measured on. Does not own: how pairs are measured (`pairing`).
"""

from __future__ import annotations

import statistics
from pathlib import Path

from commands import ROOT, git, repropack_command, run
from pairing import Compare, Result, interleave

FILES = 20_000
CODE_FILES = 1_500
MODULE = "import numpy\n\n\ndef step_{n}(x):\n    return numpy.sum(x) + {n}\n\n"


def large_repository(directory: Path) -> Path:
    """A repository as of a paper with its data in git: 1 500 modules, the rest small data files."""
    texts = {"train.py": "import torch\n\nif __name__ == '__main__':\n    print('accuracy:', 1)\n"}
    texts["requirements.txt"] = "torch==2.4.0\nnumpy\n"
    for n in range(CODE_FILES):
        texts[f"package/part_{n // 50}/module_{n}.py"] = MODULE.format(n=n) * 8
    for n in range(FILES - len(texts)):
        texts[f"data/part_{n // 200}/{n}.txt"] = f"{n}\n"
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "All of it")
    return directory


def measure_large(parent: Path, rounds: int) -> Result:
    """What is looked at before anything is decided: nobody should wait for it."""
    repository = large_repository(parent / "large")
    command = [*repropack_command(), "inspect", str(repository)]
    env = {"PYTHONPATH": str(ROOT)} if len(command) > 3 else {}
    run(command, env=env)
    pairs = interleave(
        lambda _: run(command, env=env).seconds,
        lambda _: run(["git", "ls-files"], cwd=repository).seconds,
        rounds,
    )
    ratio = statistics.median(ours / peer for ours, peer in pairs)
    return Result(
        name="inspect",
        what=f"repropack inspect, {FILES} files",
        peer="git ls-files",
        unit="s",
        compare=Compare.DIFFERENCE,
        target=1.0,
        pairs=pairs,
        notes=(f"{ratio:.0f} times git ls-files, which ends before Python has started",),
    )
