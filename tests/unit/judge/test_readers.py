"""Metric readers on what experiments really write."""

from __future__ import annotations

import os
import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repropack.judge import logfile
from repropack.judge.model import Metric
from repropack.judge.readers import Reading, read_metric


def read(
    directory: Path,
    content: bytes | str,
    key: str,
    *,
    path: str = "r.json",
    where: tuple[tuple[str, str], ...] = (),
    select: str = "last",
) -> Reading:
    """Write the file and read one metric from it; the reader follows from the file's name."""
    target = directory / path
    target.write_bytes(content.encode() if isinstance(content, str) else content)
    readers = {".log": "stdout", ".csv": "csv", ".tsv": "csv"}
    reader = readers.get(target.suffix, "json")
    metric = Metric("m", reader, "" if reader == "stdout" else path, key, where, select)
    return read_metric(metric, str(directory), str(target))


@pytest.mark.parametrize(
    ("content", "key", "text"),
    [
        ('{"acc": 0.970}', "acc", "0.970"),
        ('{"test": {"acc": 1e-3}}', "test.acc", "1e-3"),
        ('{"test.acc": 1, "test": {"acc": 2}}', "test.acc", "1"),
        ('{"a": {"b.c": {"d": 5}}}', "a.b.c.d", "5"),
        ('{"runs": [{"acc": 1}, {"acc": 2}]}', "runs.1.acc", "2"),
        ('{"runs": [{"acc": 1}, {"acc": 2}]}', "runs.-2.acc", "1"),
        ('{"acc": "0.97"}', "acc", "0.97"),
        ('{"acc": " -7. "}', "acc", "-7."),
        (b'\xef\xbb\xbf{"acc": 3}', "acc", "3"),
        ('{"acc": 3}'.encode("utf-16"), "acc", "3"),
        ('{"acc": 123456789012345678901234567890}', "acc", "123456789012345678901234567890"),
        ('{"acc": [0.1, 0.3, 0.2]}', "acc", "0.2"),
    ],
)
def test_json(tmp_path: Path, content: bytes | str, key: str, text: str) -> None:
    """Keys of all kinds give the exact text of the number."""
    found = read(tmp_path, content, key)
    assert (found.text, found.value, found.reason) == (text, float(text), "")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"acc": NaN}', "holds NaN, which is not a finite number"),
        ('{"acc": -Infinity}', "holds -Infinity, which is not"),
        ('{"acc": "nan"}', "holds nan, which is not"),
        ('{"acc": 1e999}', "too large"),
        ('{"acc": true}', "holds true where a number"),
        ('{"acc": null}', "holds null where a number"),
        ('{"acc": "97%"}', "holds '97%' where a number"),
        ('{"acc": "1_000"}', "where a number"),
        ('{"acc": "٣"}', "where a number"),
        ('{"acc": ""}', "an empty text"),
        ('{"acc": {"mean": 1}}', "an object"),
        ('{"acc": [[1]]}', "a list"),
        ('{"acc": []}', "empty list"),
        ('{"acc": 0.%s}' % ("1" * 500), "502 characters"),
        ('{"Acc": 1, "loss": 2}', "has no key acc (did you mean Acc?)"),
        ('{"test": {"acc": 1}}', "did you mean test.acc?"),
        ('{"x": 1}', "has no key acc (it has x)"),
        ("[1, 2]", "has no key acc"),
        ("", "is empty"),
        ("{\n'acc': 1}", "is not JSON: line 2:"),
        (b'{"acc": "\xff"}', "not valid Unicode"),
        ("[" * 100000, "nested too deeply"),
    ],
)
def test_json_without_a_number(tmp_path: Path, content: bytes | str, expected: str) -> None:
    """Whatever is wrong with the file is told in words, with the file's name."""
    found = read(tmp_path, content, "acc")
    assert found.value is None
    assert found.reason.startswith("r.json ")
    assert expected in found.reason


def test_json_lines(tmp_path: Path) -> None:
    """Of JSON lines each line counts; those without the key are passed over."""
    content = '{"acc": 0.5}\n\n{"loss": 1}\n{"acc": 0.7}\n{"acc": 0.6}\n'
    found = {s: read(tmp_path, content, "acc", path="r.jsonl", select=s) for s in SELECTS}
    assert [reading.text for reading in found.values()] == ["0.5", "0.6", "0.5", "0.7"]
    assert found["max"].where == "key acc on line 4"


def test_json_lines_tell_the_line(tmp_path: Path) -> None:
    """A line that is not JSON is told by its number."""
    assert "line 2" in read(tmp_path, '{"acc": 1}\n{"acc"', "acc", path="r.jsonl").reason


SELECTS = ("first", "last", "min", "max")


@pytest.mark.parametrize(
    ("select", "text"), [("first", "3"), ("last", "2"), ("min", "1"), ("max", "10")]
)
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("r.json", '{"k": [3, 10, "1", 2]}'),
        ("r.csv", "k\n3\n10\n1\n2\n"),
        ("r.log", "k=3\nk=10\rk=1\r\nk=2"),
    ],
)
def test_select(tmp_path: Path, path: str, content: str, select: str, text: str) -> None:
    """first, last, min and max choose among several matches, by number and not by text."""
    key = r"k=(\d+)" if path == "r.log" else "k"
    assert read(tmp_path, content, key, path=path, select=select).text == text


@pytest.mark.parametrize("select", ["min", "max"])
def test_select_refuses_what_is_no_number(tmp_path: Path, select: str) -> None:
    """The best of values one of which is NaN is no evidence."""
    found = read(tmp_path, "k\n1\nnan\n2\n", "k", path="r.csv", select=select)
    assert "nan" in found.reason


@pytest.mark.parametrize(
    ("path", "content", "where", "text"),
    [
        ("r.csv", "class,f1\n1,0.5\n3,0.7\n", (("class", "3"),), "0.7"),
        ("r.csv", "\ufeffclass , f1\r\n3.0, 0.7\r\n", (("class", "3"),), "0.7"),
        ("r.csv", "class;f1\n3;0.7\n", (("class", "3"),), "0.7"),
        ("r.tsv", "class\tf1\nx, y\t0.7\n", (("class", "x, y"),), "0.7"),
        ("r.tsv", "class,f1\n3,0.7\n", (("class", "3"),), "0.7"),
        ("r.csv", '"class","f1"\n"a,\nb","0.7"\n', (("class", "a,\nb"),), "0.7"),
        ("r.csv", "\n\nf1,class\n0.7,3\n,3\n\n", (("class", "3"),), "0.7"),
        ("r.csv", "a,class,f1\n1,3,0.6\n2,3,0.7\n2,4,0.8\n", (("a", "2"), ("class", "3")), "0.7"),
    ],
)
def test_csv(
    tmp_path: Path, path: str, content: str, where: tuple[tuple[str, str], ...], text: str
) -> None:
    """Delimiters, byte order marks, quotes, blanks and conditions of real tables."""
    assert read(tmp_path, content, "f1", path=path, where=where).text == text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("class,F1\n3,1\n", "has no column f1 (did you mean F1?)"),
        ("class,f1,f1\n3,1,2\n", "more than one column f1"),
        ("f1\n1\n", "has no column class"),
        ("class,f1\n1,1\n2,1\n", "has no row with class = 3 (class is 1, 2)"),
        ("class,f1\n3,\n", "has no value in column f1"),
        ("class,f1\n3\n", "has no value in column f1"),
        ('class,f1\n3,"0,7"\n', "'0,7' where a number"),
        ("class,f1\n3,True\n", "'True' where a number"),
        ("class,f1\n3," + "9" * 2_000_000, "too long (line 2)"),
        ('class,f1\n3,"' + "9" * 200_000 + '"\n', "is not CSV: line 2"),
    ],
)
def test_csv_without_a_number(tmp_path: Path, content: str, expected: str) -> None:
    """Whatever is wrong with a table is told in words."""
    found = read(tmp_path, content, "f1", path="r.csv", where=(("class", "3"),))
    assert found.value is None
    assert expected in found.reason


@pytest.mark.parametrize(
    ("content", "key", "text", "where"),
    [
        ("acc: 0.5\nacc: 0.6\n", r"acc: (\S+)", "0.6", "line 2"),
        ("10%\racc: 0.5\r20%\r", r"acc: (\S+)", "0.5", "line 1"),
        (b"\xff\xfe acc: 0.5 \xc3", r"acc: (\S+)", "0.5", "line 1"),
        ("\x1b[1;32macc:\x1b[0m 0.5\x1b]8;;x\x07", r"acc: (\S+)", "0.5", "line 1"),
        ("loss 1 acc 2", r"loss (?P<a>\S+) acc (?P<value>\S+)", "2", "line 1"),
        ("a=1", r"(?:b=(\d)|a=(\d))", "1", "line 1"),
        ("12 14", r"\d+", "14", "line 1"),
        ("x=1\ny=2\nx=3", r"^x=(\d)$", "3", "line 3"),
    ],
)
def test_stdout(tmp_path: Path, content: bytes | str, key: str, text: str, where: str) -> None:
    """A pattern is tried on each line, whatever ends it and whatever else stands there."""
    found = read(tmp_path, content, key, path="r.log")
    assert (found.text, found.where, found.file) == (text, where, "log.txt")


def test_stdout_without_a_match(tmp_path: Path) -> None:
    """No match is a reason; so is a match that is no number."""
    assert "no number for this metric" in read(tmp_path, "x\n", r"acc (\d)", path="r.log").reason
    assert "'...'" in read(tmp_path, "acc ...", r"acc (\S+)", path="r.log").reason


@pytest.mark.parametrize("offset", [14000, 14330, 14335, 14336, 14337, 16380, 65530, 200_001])
def test_stdout_in_an_endless_line(tmp_path: Path, offset: int) -> None:
    """A match is found once and whole, wherever in an endless line it begins."""
    line = b"." * offset + b"acc=123456789012" + b"." * 50_000
    path = tmp_path / "r.log"
    path.write_bytes(line)
    assert [text for text, _ in logfile.matches(str(path), r"acc=(\d+)")] == ["123456789012"]
    assert [text for text, _ in logfile.matches(str(path), r"\d+")] == ["123456789012"]
    assert [text for text, _ in logfile.matches(str(path), r"^\.")] == ["."]


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """A log of one endless line of 10 MB is read in a few hundred kilobytes of memory."""
    path = tmp_path / "r.log"
    path.write_bytes(b"\rx" * 1000 + b"z" * 10_000_000 + b"acc=7")
    tracemalloc.start()
    try:
        found = [text for text, _ in logfile.matches(str(path), r"acc=(\d+)")]
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == ["7"]
    assert peak_bytes < 2_000_000


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there was not written."""
    metric = Metric("m", "json", "none/r.json", "k")
    found = read_metric(metric, str(tmp_path), "")
    assert found.reason == "none/r.json was not written"


@pytest.mark.parametrize("path", ["../secret.json", "link.json", "dir/secret.json", "/etc/passwd"])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    """Neither `..` nor a symbolic link reads a file outside of the working directory."""
    (tmp_path / "secret.json").write_text('{"k": 1}')
    work = tmp_path / "work"
    work.mkdir()
    (work / "link.json").symlink_to(tmp_path / "secret.json")
    (work / "dir").symlink_to(tmp_path)
    found = read_metric(Metric("m", "json", path, "k"), str(work), "")
    assert "outside of the working directory" in found.reason


def test_link_inside_is_followed(tmp_path: Path) -> None:
    """A link to a file inside of the working directory is that file."""
    (tmp_path / "a.json").write_text('{"k": 1}')
    (tmp_path / "b.json").symlink_to("a.json")
    assert read_metric(Metric("m", "json", "b.json", "k"), str(tmp_path), "").value == 1.0


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """A named pipe or a directory where a file should be does not block."""
    os.mkfifo(tmp_path / "p")
    found = read_metric(Metric("m", "json", "p", "k"), str(tmp_path), "")
    assert "not a regular file" in found.reason
    found = read_metric(Metric("m", "json", ".", "k"), str(tmp_path), "")
    assert "is a directory" in found.reason


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=300), st.text("k,;=\"'\n\r\t1.e[]{}:\0\x1b", max_size=80)),
    path=st.sampled_from(["r.json", "r.jsonl", "r.csv", "r.tsv", "r.log"]),
    select=st.sampled_from(SELECTS),
)
def test_random_bytes_never_crash(
    tmp_path: Path, content: bytes | str, path: str, select: str
) -> None:
    """Whatever bytes a run wrote, a reader gives a finite number or a reason."""
    found = read(tmp_path, content, "k", path=path, select=select, where=())
    assert (found.value is None) == bool(found.reason)


PATTERNS = [
    r"k=(\d+)", r"k=\s*(\d)", r"^k=(\d)", r"(\d)$", r"k[^x]*(\d)", r"(?s)k.(\d)", r"k=(\d)(?!\s*k)",
    r"\Ak=(\d)", r"(\d)\Z", r"\d*", r"\bk=(\d+)\b", r"(?:k|=)\W*(\d)", r"(?P<value>\d)\n?", r"k|\n",
]  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.text("k=12 \n\r\x1bx", max_size=60),
    pattern=st.sampled_from(PATTERNS),
    chunk=st.integers(1, 40),
)
def test_quick_scan_equals_line_by_line(
    tmp_path: Path, content: str, pattern: str, chunk: int
) -> None:
    """However the log is cut into chunks, each line is searched by itself."""
    path = tmp_path / "log"
    path.write_bytes(content.encode())
    expected = [
        (next((g for g in (match.groupdict() or {}).values()), None) or _first(match), number)
        for number, line in enumerate(content.split("\n"), 1)
        for part in line.split("\r")
        for match in re.finditer(pattern, logfile._plain(part))
        if match.group(0)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logfile, "_CHUNK_BYTES", chunk)
        assert list(logfile.matches(str(path), pattern)) == expected


def _first(match: re.Match[str]) -> str:
    return match.group(1) if match.groups() else match.group(0)
