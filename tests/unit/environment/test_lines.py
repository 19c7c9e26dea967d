from __future__ import annotations

import pytest

from repropack.environment.lines import logical_lines, shown, split_options, without_comment
from repropack.errors import InvalidError
from repropack.findings import Where

HERE = Where(path="requirements.txt", line=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("six\n\nnumpy", [(1, "six"), (3, "numpy")]),
        ("\ufeffsix\r\nnumpy\r\n", [(1, "six"), (2, "numpy")]),
        (
            "six \\\n  --hash=x \\\n  --hash=y\nnumpy",
            [(1, "six    --hash=x    --hash=y"), (4, "numpy")],
        ),
        ("six \\  \r\n  --hash=x", [(1, "six    --hash=x")]),
        ("# only a comment \\\nsix", [(2, "six")]),
        ("six  # why\n", [(1, "six")]),
        ("six \\\n# a comment ends it\nnumpy", [(1, "six"), (3, "numpy")]),
        ("six \\", [(1, "six")]),
    ],
)
def test_lines_are_joined_and_numbered(text: str, expected: list[tuple[int, str]]) -> None:
    """Continuations, comments, line ends and a byte order mark are what pip takes them for."""
    assert list(logical_lines(text)) == expected


def test_a_hash_sign_inside_a_word_is_no_comment() -> None:
    """An address keeps its fragment."""
    assert without_comment("x @ https://index.example/x.whl#sha256=ab  # c") == (
        "x @ https://index.example/x.whl#sha256=ab"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("six==1 --hash=sha256:ab", ("six==1", (("--hash", "sha256:ab"),))),
        ("six==1 --hash sha256:ab", ("six==1", (("--hash", "sha256:ab"),))),
        ("scikit-learn==1", ("scikit-learn==1", ())),
        ("-r other.txt", ("", (("-r", "other.txt"),))),
        ("-rother.txt", ("", (("-r", "other.txt"),))),
        ("--requirement='a b.txt'", ("", (("--requirement", "a b.txt"),))),
        ("--pre --no-index", ("", (("--pre", ""), ("--no-index", "")))),
        ("--hash= x", ("", (("--hash", ""), ("x", "")))),
    ],
)
def test_options_are_split_from_what_they_belong_to(
    line: str, expected: tuple[str, tuple[tuple[str, str], ...]]
) -> None:
    """Flags are found with their values, whichever way these are attached."""
    assert split_options(line, HERE) == expected


def test_an_open_quote_is_an_error_with_its_place() -> None:
    """What a shell could not read is refused with file and line."""
    with pytest.raises(InvalidError, match=r"requirements\.txt:1: .*no closing quotation"):
        split_options("-r 'other.txt", HERE)


def test_foreign_text_is_shown_on_one_short_line() -> None:
    """A message cannot be forged with control characters, nor be flooded."""
    assert shown("a\n\x1b[31mb") == "`a??[31mb`"
    assert len(shown("x" * 1000)) < 90


def test_long_lines_are_read_in_linear_time() -> None:
    """A megabyte of white space or of dashes does not stop the reader."""
    for text in (" " * 10**6 + "x", "a-" * 10**6, "#" * 10**6, "a#" * 10**6):
        for _, line in logical_lines(text):
            split_options(line, HERE)
