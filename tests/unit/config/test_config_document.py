"""YAML text → nodes: syntax, limits, and scalars as typed."""

from __future__ import annotations

import pytest

from repropack.config.document import Mapping, Scalar, read_document
from repropack.errors import ConfigError


def problems_of(text: str) -> str:
    """All that is said about a document that is refused."""
    with pytest.raises(ConfigError) as caught:
        read_document(text, name="repropack.yaml")
    return "\n".join((caught.value.what, *caught.value.problems, caught.value.hint or ""))


@pytest.mark.parametrize(
    "typed", ["97.0", "3.10", "on", "1e-3", "0x10", "2024-01-01", "1:30", "1_0"]
)
def test_scalars_keep_their_text(typed: str) -> None:
    """A scalar is the text that was typed, whatever YAML would make of it."""
    root = read_document(f"a: {typed}\n", name="f")
    assert isinstance(root, Mapping)
    assert root.entries[0].value == Scalar(line=1, text=typed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\t b: 1", "cannot start any token (line 2, column 1): 'b: 1'"),
        ('a: "acc=([\\d.]+)"', "write patterns in single quotes"),
        ("<<<<<<< HEAD\na: 1\n=======\n", "left of a merge: choose one side"),
        ("a: b: c", "mapping values are not allowed here (line 1"),
        ("a: [1", "(line 1"),
        ("a: 'x", "(line 1"),
        ("a: *nowhere", "undefined alias"),
        ("a: 1\n---\nb: 2", "another document (line 2"),
        ("a: !!python/object/apply:os.system [ls]", "tag 'python/object/apply:os.system'"),
        ("a: !custom 1", "tag '!custom'"),
        ("a: !!binary aGk=", "tag 'binary'"),
        ("? [a]\n: b", "a key must be a single word (line 1)"),
        ("[" * 100_000, "nested deeper than 30 levels"),
        ("a: &a [*a]", "nested deeper than 30 levels"),
        ("a: [" + "1," * 30_000 + "]", "more than 20000 values"),
        ('a: "\\UFFFFFFFF"', "a value cannot be read"),
        ("a: 1\nb: \x07", "a character that YAML does not allow (line 2)"),
        ("a: " + "x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_refusals(text: str, expected: str) -> None:
    """What is not one plain, small YAML document is refused with its line."""
    assert expected in problems_of(text)


def test_alias_bomb_is_refused_before_it_is_expanded() -> None:
    """Nine levels of nine aliases each end as a problem, not as 400 million values."""
    levels = ["a0: &a0 [x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "more than 20000 values" in problems_of("\n".join(levels))


def test_few_aliases_are_expanded() -> None:
    """An alias stands for what it names."""
    root = read_document("a: &x [1, 2]\nb: *x\n", name="f")
    assert isinstance(root, Mapping)
    assert root.entries[0].value == root.entries[1].value


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "\ufeff"])
def test_nothing_is_none(text: str) -> None:
    """A document without content is None."""
    assert read_document(text, name="f") is None


@pytest.mark.parametrize("text", ["\ufeffa: 1\n", "a: 1\r\n"])
def test_windows_files_are_read(text: str) -> None:
    """A byte order mark and Windows line ends do not matter."""
    root = read_document(text, name="f")
    assert isinstance(root, Mapping)
    assert (root.entries[0].key, root.entries[0].value) == ("a", Scalar(line=1, text="1"))
