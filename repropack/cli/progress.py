"""Progress on stderr: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TextIO

TICK_S = 0.2
PLAIN_DETAIL_EVERY_S = 10.0


def reporter() -> Plain | Terminal:
    """The reporter for this process's stderr."""
    stream = sys.stderr
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return Terminal(stream)
    return Plain(stream)


def put(stream: TextIO, text: str) -> None:
    """Write at once. Progress that nobody can read any more must not end the work."""
    with contextlib.suppress(OSError, ValueError):
        stream.write(text)
        stream.flush()


def width_of(stream: TextIO) -> int:
    """Columns of the terminal behind the stream."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Plain:
    """A line for each step, and a detail at most every ten seconds."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.last_s = time.monotonic()

    def step(self, text: str) -> None:
        """A new step."""
        self.last_s = time.monotonic()
        self.write(text)

    def detail(self, text: str) -> None:
        """What the step is at."""
        now = time.monotonic()
        if now - self.last_s >= PLAIN_DETAIL_EVERY_S:
            self.last_s = now
            self.write(f"  {text}")

    def note(self, text: str) -> None:
        """Something to keep."""
        self.write(text)

    def ask(self, question: str) -> bool:
        """Nobody is there to answer: it goes on."""
        return bool(question)

    def close(self) -> None:
        """Nothing is open."""

    def write(self, text: str) -> None:
        """One line, at once."""
        put(self.stream, printable(text) + "\n")


class Terminal:
    """One line that is written over: the step, its seconds, and what it is at.

    A thread keeps the seconds moving while a step says nothing. A finished step stays on the
    screen with the time that it took.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.current = ""
        self.at = ""
        self.began_s = 0.0
        self.thread = threading.Thread(target=self.tick, daemon=True)
        self.thread.start()

    def step(self, text: str) -> None:
        """A new step; the one before it stays on the screen."""
        with self.lock:
            self.finish()
            self.current, self.at, self.began_s = text, "", time.monotonic()
            self.draw()

    def detail(self, text: str) -> None:
        """What the step is at."""
        with self.lock:
            self.at = text

    def note(self, text: str) -> None:
        """Something to keep, above the live line."""
        with self.lock:
            put(self.stream, "\r\x1b[K" + printable(text) + "\n")
            self.draw()

    def ask(self, question: str) -> bool:
        """Whether a person says yes. Where no terminal can answer, it goes on."""
        if not sys.stdin.isatty():
            return True
        with self.lock:
            self.finish()
            self.current = ""
            put(self.stream, f"{question} [y/N] ")
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    def close(self) -> None:
        """End the live line."""
        self.stopped.set()
        self.thread.join()
        with self.lock:
            self.finish()
            self.current = ""

    def tick(self) -> None:
        """Redraw until closed."""
        while not self.stopped.wait(TICK_S):
            with self.lock:
                self.draw()

    def draw(self) -> None:
        """The live line, cut to the width of the terminal."""
        if not self.current:
            return
        seconds = time.monotonic() - self.began_s
        line = f"{self.current} · {seconds:.1f} s"
        if self.at:
            line += f" · {self.at}"
        line = printable(line).replace("\n", " ")
        put(self.stream, "\r\x1b[K" + line[: width_of(self.stream) - 1])

    def finish(self) -> None:
        """Leave the finished step on the screen."""
        if self.current:
            seconds = time.monotonic() - self.began_s
            put(self.stream, f"\r\x1b[K{printable(self.current)} · {seconds:.1f} s\n")


def printable(text: str) -> str:
    """Text without anything that could move the cursor: it may come from an experiment."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
