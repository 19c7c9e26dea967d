"""Running git: the only place of the source stage that starts a process.

Owns: git's environment and options, its failures as `SourceError`, temporary directories, and the
one `git cat-file --batch` that all content is read through.
Does not own: which questions are asked (`repository`, `worktree`, `tree`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from repropack.errors import SourceError
from repropack.marks import new_scratch

# Of the caller's GIT_* variables only these are kept: they say which configuration counts.
# The others redirect git to another repository, index or object store, or write to stderr.
KEPT_VARIABLES = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH|SSL_\w+|SSH\w*"
    r"|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM)"
)

# Replacement objects would make the content differ from what the commit's id stands for.
_FIXED_VARIABLES = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_PAGER": "cat",
    "GIT_NO_REPLACE_OBJECTS": "1",
}

_OPTIONS = (
    "--no-pager",
    *("-c", "core.quotepath=off"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.safecrlf=false"),
    *("-c", "core.splitIndex=false"),  # would write a shared index into the user's repository
    *("-c", "gc.auto=0"),
    *("-c", "advice.addEmbeddedRepo=false"),
)

# What to do, by what git says.
_HINTS = {
    "Permission denied": "make the file readable, or list it in .gitignore",
    "does not have a commit checked out": "commit inside it, or list it in .gitignore",
    "No space left on device": "free some space, or set TMPDIR to a directory that has some",
    "not a git repository: ": "`git worktree repair` in the main worktree mends a moved one",
}

_PIECE_BYTES = 1 << 20
_IDS_AT_ONCE = 256  # their ids fit into a pipe's buffer, so neither side can wait for the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git in the directory `cwd`, with `variables` on top of the clean environment."""

    cwd: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *args: str | bytes) -> bytes:
        """What `git ARGS` prints. Raises SourceError, with git's own words, if it fails."""
        done = self._execute(args)
        if done.returncode != 0:
            raise _failure(self.cwd, args, done.stderr)
        return done.stdout

    def ask(self, *args: str | bytes) -> bytes | None:
        """What `git ARGS` prints, or None where it answers no (any exit code but 0)."""
        done = self._execute(args)
        return done.stdout if done.returncode == 0 else None

    def run_in_repository(self, *args: str | bytes) -> bytes | None:
        """Like `run`, but None where `cwd` lies in no repository."""
        done = self._execute(args)
        if done.returncode != 0 and b"not a git repository (or any" in done.stderr:
            return None
        if done.returncode != 0:
            raise _failure(self.cwd, args, done.stderr)
        return done.stdout

    def batch(self) -> subprocess.Popen[bytes]:
        """A `git cat-file --batch`; in a session of its own, so that Ctrl-C leaves it alone."""
        command = [executable(), *_OPTIONS, "cat-file", "--batch"]
        try:
            return subprocess.Popen(
                command,
                cwd=self.cwd,
                env=environment(self.variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(f"git cannot be run in {self.cwd}: {error.strerror}") from error

    def _execute(self, args: tuple[str | bytes, ...]) -> subprocess.CompletedProcess[bytes]:
        command = [executable(), *_OPTIONS, *args]
        try:
            return subprocess.run(
                command,
                cwd=self.cwd,
                env=environment(self.variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise SourceError(f"git cannot be run in {self.cwd}: {error.strerror}") from error


def executable() -> str:
    """Where git is. Raises SourceError with a hint where it is not installed."""
    found = shutil.which("git")
    if found is None:
        raise SourceError(
            "git is not installed, and the source is read through it",
            hint="install it, e.g. `sudo apt-get install git`",
        )
    return found


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would redirect git, with `variables` on top."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or KEPT_VARIABLES.fullmatch(name)
    }
    return {**kept, **_FIXED_VARIABLES, **variables}


def damaged(cwd: Path, object_id: str) -> SourceError:
    """The error for an object that a repository should have and does not."""
    return SourceError(
        f"git cannot read the object {object_id} of {cwd}",
        hint="`git fsck` says what is missing; `git fetch` may bring it back",
    )


def _failure(cwd: Path, args: tuple[str | bytes, ...], stderr: bytes) -> SourceError:
    said = stderr.decode("utf-8", "backslashreplace").strip()
    unsafe = re.search(r"(?:dubious ownership in|unsafe) repository (?:at )?\(?'(.+)'", said)
    if unsafe:
        return SourceError(
            f"git refuses to read {unsafe[1]}: it belongs to another user",
            hint=f"git config --global --add safe.directory {shlex.quote(unsafe[1])}",
        )
    words = (os.fsdecode(each) for each in args)
    command = next((each for each in words if each[0] != "-" and "=" not in each), "")
    lines = [line for line in said.splitlines() if not line.startswith(("hint:", "warning:"))]
    return SourceError(
        f"`git {command}` failed in {cwd}: " + ("\n  ".join(lines) or "it said nothing"),
        hint=next(
            (hint for sign, hint in _HINTS.items() if sign in said),
            f"see what `git -C {shlex.quote(str(cwd))} status` says",
        ),
    )


class Scratch:
    """A temporary directory that lives as long as this object (or this process)."""

    def __init__(self) -> None:
        self.path = new_scratch(Path(tempfile.gettempdir()), "repropack-source-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Objects:
    """Content of git objects by their ids, through one `git cat-file --batch`.

    It is started at the first read and ended with this object. Safe for threads; a loop over
    `stream` must not read anything else from the same object.
    """

    def __init__(self, git: Git, *, keep: Scratch | None = None) -> None:
        self._git = git
        self._keep = keep  # the directory holds objects, so it must live as long as this does
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[subprocess.Popen[bytes]], Objects] | None = None

    def read(self, object_id: str) -> bytes:
        """The whole content of one object."""
        return b"".join(b"".join(pieces) for pieces in self.stream([object_id]))

    def stream(self, object_ids: Iterable[str]) -> Iterator[Iterator[bytes]]:
        """For each object, in order, its content in pieces of up to 1 MiB.

        Raises SourceError for an object that is missing or damaged.
        """
        ids = iter(object_ids)
        with self._lock:
            try:
                while chunk := list(islice(ids, _IDS_AT_ONCE)):
                    yield from self._answers(chunk)
            except BaseException:
                self._stop()  # unread answers are left in the pipe: begin anew
                raise

    def _answers(self, object_ids: list[str]) -> Iterator[Iterator[bytes]]:
        process = self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write("".join(f"{each}\n" for each in object_ids).encode())
            process.stdin.flush()
        except BrokenPipeError as error:
            raise damaged(self._git.cwd, object_ids[0]) from error
        for object_id in object_ids:
            header = process.stdout.readline().split()
            if len(header) != 3:
                raise damaged(self._git.cwd, object_id)
            pieces = self._pieces(process.stdout.read, object_id, int(header[2]))
            yield pieces
            for _ in pieces:  # whatever the caller left
                pass
            process.stdout.read(1)

    def _pieces(
        self, read: Callable[[int], bytes], object_id: str, size_bytes: int
    ) -> Iterator[bytes]:
        while size_bytes > 0:
            piece = read(min(size_bytes, _PIECE_BYTES))
            if not piece:
                raise damaged(self._git.cwd, object_id)
            size_bytes -= len(piece)
            yield piece

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = self._git.batch()
            self._end = weakref.finalize(self, _end, self._process)
        return self._process

    def _stop(self) -> None:
        if self._process is not None and self._end is not None:
            self._end()
            self._process = None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a batch process, and close its pipes; it only reads, so nothing is lost."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # unwritten ids in the buffer of a broken pipe
                pipe.close()
