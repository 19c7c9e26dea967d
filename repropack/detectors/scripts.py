"""Entry points: what can be run, how README and shell scripts run it, its seed, what it writes."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from typing import Final

from repropack.detectors.code import Code
from repropack.detectors.installs import READMES
from repropack.detectors.launchers import Launch, launch_of
from repropack.detectors.metrics import Written, written_by
from repropack.detectors.purposes import EXPERIMENT, purpose_of
from repropack.detectors.reading import SCRIPT_NAMES, Reading, script_rank
from repropack.detectors.values import Option, options_of
from repropack.findings import Finding, Where

SCRIPT: Final = "script"
COMMAND: Final = "script.command"
SEED: Final = "script.seed"
WRITES: Final = "script.writes"
_MAX_SCRIPTS: Final = 50
_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1", re.M | re.S)
_COMMAND = re.compile(
    r"\s*(?:[$>!%]\s+|!)?((?:[A-Z_][A-Z0-9_]*=\S+\s+)*(?:torchrun\s|accelerate\s+launch\s"
    r"|python3?\s+(?:-u\s+)?(?:-m\s+[\w.]+|\S+\.py\b)).*)"
)
_SHELL_SCRIPT = re.compile(r"(?:(?:scripts|bin|experiments|exps?|runs)/)?[^/]+\.(?:sh|bash)")
_MAX_SHELL_SCRIPTS: Final = 20
_UNFINISHED = re.compile(r"\.\.\.|…|[<>\[\]{}|]|path/to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A Python file that can be run. `command` is how: as the README says, or `python PATH`.

    `launch` is what the command says where it starts several processes.
    """

    path: str
    line: int
    because: str
    command: str
    readme: Where | None
    seed: Option | None
    needs: tuple[str, ...]
    written: tuple[Written, ...]
    purpose: str = EXPERIMENT
    launch: Launch | None = None

    @property
    def default_seed(self) -> int | None:
        """The script's own seed, when it is a plain number."""
        node = self.seed.default if self.seed else None
        value = node.value if isinstance(node, ast.Constant) else None
        return value if type(value) is int and value >= 0 else None


def find_scripts(reading: Reading) -> tuple[Script, ...]:
    """Return the scripts: those that the README runs first, then by name and place."""
    commands = {**shell_commands(reading), **readme_commands(reading)}
    scripts = [_script(code, commands) for code in reading.code]
    found = [script for script in scripts if script is not None]
    found.sort(key=lambda s: (s.readme is None, s.readme.line or 0 if s.readme else 0))
    return tuple(found[:_MAX_SCRIPTS])


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return the scripts, their commands in the README, their seed options, what they write."""
    return tuple(f for script in find_scripts(reading) for f in _findings(script))


def readme_commands(reading: Reading) -> dict[str, tuple[str, Where]]:
    """Return, by script, the first complete `python …` command in a fenced block of the README."""
    commands: dict[str, tuple[str, Where]] = {}
    for path in READMES:
        text = reading.text(path) if path in reading.root_files else None
        for block in _FENCE.finditer(text or ""):
            first = (text or "").count("\n", 0, block.start(2)) + 1
            joined = re.sub(r"\\\n\s*", lambda m: " " + "\0" * m[0].count("\n"), block[2])
            for number, line in _numbered(joined, first):
                _add_command(commands, line, Where(path=path, line=number), reading)
    return commands


def shell_commands(reading: Reading) -> dict[str, tuple[str, Where]]:
    """Return, by script, the first complete `python …` command in the shell scripts near the root.

    One that needs a variable of the shell script is not complete.
    """
    commands: dict[str, tuple[str, Where]] = {}
    names = sorted(path for path in reading.sizes if _SHELL_SCRIPT.fullmatch(path))
    for path in names[:_MAX_SHELL_SCRIPTS]:
        joined = re.sub(
            r"\\\n\s*", lambda m: " " + "\0" * m[0].count("\n"), reading.text(path) or ""
        )
        for number, line in _numbered(joined, 1):
            if "$" not in line:
                _add_command(commands, line, Where(path=path, line=number), reading)
    return commands


def _numbered(text: str, first: int) -> list[tuple[int, str]]:
    """Lines with their numbers; a NUL stands for a line end that a backslash took away."""
    numbered = []
    for line in text.split("\n"):
        numbered.append((first, line.replace("\0", "")))
        first += 1 + line.count("\0")
    return numbered


def _add_command(
    commands: dict[str, tuple[str, Where]], line: str, where: Where, reading: Reading
) -> None:
    match = _COMMAND.fullmatch(line)
    if match is None or _UNFINISHED.search(match[1]) or not match[1].isprintable():
        return
    try:
        words = shlex.split(match[1], comments=True)
    except ValueError:
        return
    launch = launch_of(words)
    if launch is not None and (not launch.single_node or "$" in match[1]):
        return  # for several machines, or with a number that only the shell knows
    script = launch.script if launch is not None else _script_of(words)
    if script in reading.sizes and script not in commands:
        command = re.sub(r"\s+#.*$", "", match[1]).strip()
        commands[script] = (" ".join(command.split()), where)


def _script_of(words: list[str]) -> str:
    """The file that a command starts: `train.py`, or `a/b.py` for `-m a.b`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "-m":
            return following.replace(".", "/") + ".py"
        if word.endswith(".py"):
            return word.removeprefix("./")
    return ""


def _script(code: Code, commands: dict[str, tuple[str, Where]]) -> Script | None:
    options = options_of(code)
    reason = _reason(code, bool(options), code.path in commands)
    if reason is None:
        return None
    line, because = reason
    command, readme = commands.get(code.path, (f"python {shlex.quote(code.path)}", None))
    return Script(
        path=code.path,
        line=line,
        because=because,
        command=command,
        readme=readme,
        seed=_seed_option(options),
        needs=tuple(o.flag for o in options if o.required),
        written=written_by(code),
        purpose=purpose_of(code),
        launch=launch_of(shlex.split(command, comments=True)),
    )


def _reason(code: Code, has_options: bool, in_readme: bool) -> tuple[int, str] | None:
    if code.main_line is not None:
        return code.main_line, 'holds `if __name__ == "__main__"`'
    if in_readme:
        return code.acts_line or 1, "a README or shell script runs it"
    if code.acts_line is None:
        return None
    if has_options:
        return code.acts_line, "reads command-line options"
    if code.path.count("/") == 0 or script_rank(code.path)[1] < len(SCRIPT_NAMES):
        return code.acts_line, "does something when it is run"
    return None


def _seed_option(options: tuple[Option, ...]) -> Option | None:
    named = [option for option in options if "seed" in option.name.lower().split("_")]
    return min(named, key=lambda option: len(option.name), default=None)


def _findings(script: Script) -> list[Finding]:
    where = Where(path=script.path, line=script.line)
    found = [Finding(kind=SCRIPT, value=script.path, because=script.because, where=where)]
    if script.readme is not None:
        found.append(
            Finding(
                kind=COMMAND,
                value=script.command,
                because=f"a command in {script.readme.path}"
                + (f": {script.launch.text}" if script.launch else ""),
                where=script.readme,
            )
        )
    if script.seed is not None:
        because = f"{script.path} takes a seed"
        found.append(Finding(kind=SEED, value=script.seed.flag, because=because, where=where))
    return [*found, *(_written_finding(script.path, written) for written in script.written)]


def _written_finding(path: str, written: Written) -> Finding:
    names = ", ".join(metric.name for metric in written.metrics)
    target = written.path or "stdout"
    return Finding(
        kind=WRITES,
        value=f"{target}: {names}" if names else target,
        because=f"written as {written.how}",
        where=Where(path=path, line=written.line),
    )
