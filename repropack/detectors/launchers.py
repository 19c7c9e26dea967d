"""Programs that start a script in several processes: torchrun, accelerate, torch.distributed.

Owns: which script such a command starts, with how many processes, and whether it needs one machine
alone. Does not own: finding commands (`scripts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: The words that such a command begins with, behind its variables.
LAUNCHERS: Final = (
    ("torchrun",),
    ("accelerate", "launch"),
    ("python", "-m", "torch.distributed.launch"),
    ("python", "-m", "torch.distributed.run"),
    ("python", "-m", "accelerate.commands.launch"),
)
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=\S*")
_PROCESSES: Final = ("nproc-per-node", "num-processes")
_NODES: Final = ("nnodes", "num-machines")
_RANKS: Final = ("node-rank", "machine-rank")
_GPU: Final = ("multi-gpu",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A command that starts `script`. `processes` is as written, "" where the launcher decides.

    `gpu` says that it needs one by its own words.
    """

    script: str
    processes: str
    single_node: bool
    gpu: bool

    @property
    def text(self) -> str:
        """How it runs, for messages."""
        many = f"{self.processes} processes" if self.processes != "1" else "1 process"
        return f"one machine, {many if self.processes else 'as many processes as it finds'}"


def launch_of(words: list[str]) -> Launch | None:
    """What the words of a command start; None where no launcher is among them."""
    words = [word for index, word in enumerate(words) if not _is_variable(words, index)]
    plain = ["python" if word == "python3" else word for word in words if word != "-u"]
    for launcher in LAUNCHERS:
        if tuple(plain[: len(launcher)]) == launcher:
            return _launch(plain[len(launcher) :])
    return None


def _is_variable(words: list[str], index: int) -> bool:
    return all(_ASSIGNMENT.fullmatch(word) for word in words[: index + 1])


def _launch(words: list[str]) -> Launch | None:
    script, own = _split(words)
    if not script:
        return None
    options = dict(_options(own))
    processes = next((options[key] for key in _PROCESSES if key in options), "")
    nodes = next((options[key] for key in _NODES if key in options), "1")
    rank = next((options[key] for key in _RANKS if key in options), "0")
    return Launch(
        script=script,
        processes=processes,
        single_node=nodes in ("1", "1:1") and rank == "0",
        gpu=processes == "gpu" or any(key in options for key in _GPU),
    )


def _split(words: list[str]) -> tuple[str, list[str]]:
    """The script, and the launcher's own words in front of it."""
    for index, word in enumerate(words):
        if word in ("-m", "--module") and index + 1 < len(words):
            return words[index + 1].replace(".", "/") + ".py", words[:index]
        if word.endswith(".py") and not word.startswith("-"):
            return word.removeprefix("./"), words[:index]
    return "", words


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """`--nproc_per_node=4`, `--nproc-per-node 4` and `--multi_gpu`, by their names with hyphens."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals:
                value = "" if following.startswith("-") else following
            yield name.replace("_", "-"), value
