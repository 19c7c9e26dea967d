"""One filter for each language that a value is written into: shell, Dockerfile, Markdown.

Every value of a template passes one of them. Owns: that a value stays one value, whatever it holds.
Does not own: which characters a plan accepts (`plan` refuses control characters).
"""

from __future__ import annotations

import re

#: What Markdown, as GitHub reads it, takes for markup in the middle of a line.
MARKUP = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")
LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~!$'*+,;=:@%/?#-]*)?")


def shell(value: object) -> str:
    """A value as one word of POSIX shell: in single quotes, in which nothing is expanded."""
    return "'" + str(value).replace("'", "'\"'\"'") + "'"


def dockerfile(value: object) -> str:
    """A value as one word of a Dockerfile instruction, with nothing in it expanded."""
    text = re.sub(r'([\\"$])', r"\\\1", one_line(value))
    return f'"{text}"'


def comment(value: object) -> str:
    """A value at the end of a comment, which no backslash may continue."""
    text = one_line(value)
    return f"{text}." if text.endswith("\\") else text


def one_line(value: object) -> str:
    """A value on one line: no second one, and nothing that moves a cursor."""
    words = " ".join(str(value).split())
    return "".join(c if is_shown(c) else "\ufffd" for c in words)


def is_shown(character: str) -> bool:
    """Whether it is printed as itself; bytes that are not UTF-8 travel as surrogates."""
    return character.isprintable() or "\udc80" <= character <= "\udcff"


def markdown(value: object) -> str:
    """A value as text inside a line or a table's cell: shown as it is, never markup."""
    text = one_line(value)
    return f"<{text}>" if LINK.fullmatch(text) else MARKUP.sub(r"\\\g<0>", text)


def code(value: object) -> str:
    """A value as a code span, fenced by more backticks than it holds."""
    text = one_line(value)
    fence = "`" * (longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def codeblock(value: object) -> str:
    """A value of several lines as a fenced block."""
    lines = [one_line(line) if not line[:1].isspace() else line for line in str(value).split("\n")]
    text = "\n".join(lines)
    fence = "`" * max(3, longest_run(text) + 1)
    return f"{fence}sh\n{text}\n{fence}"


def longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
