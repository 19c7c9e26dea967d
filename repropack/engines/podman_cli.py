"""The podman command: started, waited for, and what it says when something goes wrong.

Podman has no daemon whose API is always there, so everything goes through the command, which also
is the only way to hand over GPUs by CDI.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from repropack.engines.diagnosis import explain
from repropack.errors import NoEngineError, RepropackError, reason
from repropack.marks import scratch

_UNKNOWN = ("image not known", "no such image", "no such object")
_LAST_LINES = 3


class Podman:
    """The podman command called `program`."""

    def __init__(self, program: str = "podman") -> None:
        self.program = program

    def ask(
        self,
        *words: str,
        kind: type[RepropackError],
        doing: str,
        hint: str | None = None,
        timeout_s: float | None = None,
    ) -> str:
        """Its standard output; `kind` with the reason if it fails or takes longer."""
        try:
            done = subprocess.run(
                [self.program, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                start_new_session=True,  # Ctrl-C is for repropack to act upon
            )
        except OSError as error:
            raise kind(f"{doing}: {self.program}: {reason(error)}") from error
        except subprocess.TimeoutExpired:
            raise kind(f"{doing}: podman did not answer within {timeout_s:.0f} s") from None
        if done.returncode:
            raise self.failure(done.stderr, kind=kind, doing=doing, hint=hint)
        return done.stdout

    def ask_json(
        self,
        *words: str,
        kind: type[RepropackError],
        doing: str,
        hint: str | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Its standard output as JSON; `kind` if it fails, or writes something else."""
        text = self.ask(*words, kind=kind, doing=doing, hint=hint, timeout_s=timeout_s)
        try:
            return json.loads(text)
        except ValueError as error:
            raise kind(
                f"{doing}: `{self.program} {' '.join(words[:2])}` did not answer in JSON", hint=hint
            ) from error

    def failure(
        self, said: str, *, kind: type[RepropackError], doing: str, hint: str | None = None
    ) -> RepropackError:
        """What it said, as an error."""
        lines = [line.removeprefix("Error: ") for line in said.strip().splitlines()]
        known = explain("; ".join(lines[-_LAST_LINES:]) or "no reason given", engine="podman")
        return kind(f"{doing}: {known.what}", hint=known.hint or hint)

    def inspect(self, image: str) -> dict[str, Any] | None:
        """What is known of an image; `None` if there is none of that name."""
        try:
            found = self.ask_json(
                *("image", "inspect", "--format", "json", "--", image),
                kind=NoEngineError,
                doing="podman",
            )
        except NoEngineError as error:
            if any(words in error.what for words in _UNKNOWN):
                return None
            raise
        if not (isinstance(found, list) and found and isinstance(found[0], dict)):
            raise NoEngineError(f"podman: `image inspect` tells nothing of {image}")
        return found[0]

    @contextmanager
    def started(
        self, *words: str, stdin: bool = False, said: IO[bytes] | int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The command with its output as a pipe; it does not outlive the block.

        `said` takes what it writes to standard error. Ctrl-C does not reach it. It works in a
        directory of its own: where memory runs out, conmon leaves an empty file called `oom` there.
        """
        with scratch(Path(tempfile.gettempdir()), "repropack-podman-") as directory:
            yield from self._started(words, stdin, said, directory)

    def _started(
        self, words: tuple[str, ...], stdin: bool, said: IO[bytes] | int, directory: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [self.program, *words],
            cwd=directory,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            process.wait()

    def archive(self, container: str, path: str) -> Iterator[bytes]:
        """A path of a container as a tar stream, which is cut off if the command fails."""
        with self.started("cp", f"{container}:{path}", "-") as process:
            assert process.stdout is not None  # it was asked for
            while chunk := process.stdout.read(1 << 20):
                yield chunk

    def feed(
        self, *words: str, chunks: Iterable[bytes], kind: type[RepropackError], doing: str
    ) -> str:
        """Run it with this as its standard input; what it says, or `kind` with that if it fails."""
        with self.started(*words, stdin=True, said=subprocess.STDOUT) as process:
            assert process.stdin is not None and process.stdout is not None  # they were asked for
            with suppress(BrokenPipeError):
                for chunk in chunks:
                    process.stdin.write(chunk)
                process.stdin.close()
            said = process.stdout.read().decode("utf-8", "replace")
            if process.wait():
                raise self.failure(said, kind=kind, doing=doing)
            return said
