from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack import tables
from repropack.environment import Format, Lock, Target, read_lock
from repropack.errors import InvalidError, SourceError
from tests.unit.environment.wheelhouse import TARGET

KINDS = ("public", "retired")
A, B, C = ("sha256:" + letter * 64 for letter in "abc")


def read(text: str, files: Mapping[str, str] | None = None, target: Target = TARGET) -> Lock:
    """A hashed file `sub/requirements.txt`, with the files that it may include."""

    def reader(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise SourceError(f"there is no {path}") from None

    return read_lock(text, "sub/requirements.txt", Format.HASHED, target=target, read=reader)


def rows(lock: Lock) -> list[tuple[str, str, int | None, int]]:
    """Name, version, line and number of hashes of each requirement."""
    return [(r.name, r.version, r.where.line, len(r.hashes)) for r in lock.requirements]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"six==1.16.0 --hash={A}", [("six", "1.16.0", 1, 1)]),
        (f"\ufeffsix==1 \\\r\n  --hash={A} \\\r\n  --hash={B}\r\n", [("six", "1", 1, 2)]),
        (f"# c\nScikit_Learn[all]==1.4.2 --hash={A} # c", [("scikit-learn", "1.4.2", 2, 1)]),
        (f"six === 1 --hash={A}", [("six", "1", 1, 1)]),
        (f"torch==2.4.1+cu121 --hash={A}", [("torch", "2.4.1+cu121", 1, 1)]),
        (f"six==1 ; python_version < '3.12' --hash={A}", [("six", "1", 1, 1)]),
        (f"six==1 ; sys_platform == 'win32' --hash={A}", []),
        (f"six==1 ; platform_machine != 'x86_64' --hash={A}", []),
        (f"six==1 ; extra == 'test' --hash={A}", []),
        (f"six==1 --hash={A}\nsix==1 --hash={B}", [("six", "1", 1, 2)]),
        (
            f"six==1;python_version<'3' --hash={A}\nsix==2;python_version>'3' --hash={B}",
            [("six", "2", 2, 1)],
        ),
        (
            f"--require-hashes\nsix==1 --hash={A.upper().replace('SHA', 'sha')}",
            [("six", "1", 2, 1)],
        ),
        ("", []),
    ],
)
def test_hashed_requirements_are_read(
    text: str, expected: list[tuple[str, str, int | None, int]]
) -> None:
    """Each line that is for the target becomes a requirement with its place and hashes."""
    assert rows(read(text)) == expected


def test_markers_are_those_of_the_target() -> None:
    """The running interpreter has no say in what is installed."""
    text = f"tomli==2 ; python_version < '3.11' --hash={A}"
    assert rows(read(text, target=Target(python="3.9"))) == [("tomli", "2", 1, 1)]
    assert rows(read(text, target=Target(python="3.13"))) == []


def test_includes_are_followed_from_the_including_file() -> None:
    """A path is relative to its file; a circle of includes ends."""
    files = {
        "base.txt": f"-r sub/more/deep.txt\nsix==1 --hash={A}",
        "sub/more/deep.txt": f"-r ../../base.txt\nnumpy==2 --hash={B}",
    }
    lock = read(f"-r ../base.txt\nscipy==1 --hash={C}", files)
    places = [(r.name, str(r.where)) for r in lock.requirements]
    assert places == [
        ("numpy", "sub/more/deep.txt:2"),
        ("six", "base.txt:2"),
        ("scipy", "sub/requirements.txt:2"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"six==1 --hash={A}\nnumpy==2\nscipy",
            "sub/requirements.txt:2: `numpy==2` and 1 more has no",
        ),
        (f"six>=1 --hash={A}", "sub/requirements.txt:1: `six>=1` does not pin one version"),
        (f"six==1.* --hash={A}", "does not pin one version"),
        (f"six --hash={A}", "does not pin one version"),
        (f"six==1,<2 --hash={A}", "does not pin one version"),
        ("six==1 --hash=md5:abcd", "`md5:abcd` is not a sha256"),
        ("six==1 --hash=sha256:abcd", "is not a sha256"),
        (f"six==1 --hash={A}\nsix==2 --hash={B}", "txt:2: six==2 contradicts six==1 in sub/requ"),
        ("-e ../../other", "txt:1: `sub/../../other` is not in the repository"),
        (
            f"x @ https://index.example/x.whl --hash={A}",
            "`x.whl` is not the name of a wheel",
        ),
        ("x @ https://index.example/x.tar.gz", "has no hash, so it may be another file tomorrow"),
        ("x @ file:///croot/x/work", "where conda built it"),
        ("svn+https://index.example/x", "is not a place that a package can be had from"),
        (f"six==1 = 2 --hash={A}", "txt:1: `six==1 = 2` is not a requirement"),
        (f"--frobnicate\nsix==1 --hash={A}", "txt:1: `--frobnicate` is no option"),
        (f"six==1 --hash={A} --frobnicate", "txt:1: `--frobnicate` is not an option"),
        ("-r missing.txt", "txt:1: includes `sub/missing.txt`: there is no sub/missing.txt"),
        (
            "-r ../../etc/passwd",
            "txt:1: includes `../../etc/passwd`, which is not a file of the repo",
        ),
        ("-r /etc/passwd", "which is not a file of the repository"),
        ("-r https://index.example/r.txt", "which is not a file of the repository"),
        ("-r", "which is not a file of the repository"),
        ("a @ git+https://${TOKEN}@host.example/a", "holds the environment variable `${TOKEN}`"),
        ("-r ${WHICH}.txt", "holds the environment variable `${WHICH}`"),
        ("-e ${HERE}/lib", "holds the environment variable `${HERE}`"),
        ("-i https://${TOKEN}@index.example/simple", "holds the environment variable `${TOKEN}`"),
        ("-i https://me:secret@index.example/simple", "holds a user name or a password"),
        ("-f ./wheels", "-f `./wheels` is not an http address"),
    ],
)
def test_what_cannot_be_packed_is_refused_with_its_place(text: str, message: str) -> None:
    """Every refusal names the file and the line."""
    with pytest.raises(InvalidError) as raised:
        read(text)
    assert message in raised.value.what
    assert raised.value.what.startswith("sub/requirements.txt:")
    assert "secret" not in raised.value.what


def test_the_authors_indexes_are_kept_apart_and_told() -> None:
    """Addresses stand in the lock for fetching, and in findings for the author."""
    lock = read(
        "--extra-index-url https://index.example/cu121\n-f https://index.example/stable.html\n"
        f"--no-binary :all:\nsix==1 --hash={A}"
    )
    assert lock.indexes == ("https://index.example/cu121",)
    assert lock.find_links == ("https://index.example/stable.html",)
    assert [(f.kind, f.where and f.where.line) for f in lock.findings] == [
        ("environment.index", 1),
        ("environment.index", 2),
        ("environment.option-ignored", 3),
    ]


def test_the_public_index_is_asked_as_the_machine_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the public index nor its retired hosts are asked beside the machine's own."""
    hosts = {kind: [hashlib.sha256(f"{kind}.example".encode()).hexdigest()] for kind in KINDS}
    monkeypatch.setattr(tables, "_data", lambda name: hosts)
    lock = read(
        "-i https://PUBLIC.example/simple\n--extra-index-url http://retired.example/simple\n"
        f"six==1 --hash={A}"
    )
    assert lock.indexes == ()
    assert [f.kind for f in lock.findings] == [f"environment.index-{kind}" for kind in KINDS]


def test_the_table_of_indexes_holds_hashes() -> None:
    """No host name stands in the table, and an unknown host is of no kind."""
    assert tables.index_kind("https://index.example/simple") is None


def test_an_unhashed_file_is_no_lock() -> None:
    """Only `resolve` takes what is not pinned."""
    with pytest.raises(InvalidError, match="is not a lock"):
        read_lock("six", "requirements.txt", Format.REQUIREMENTS, target=TARGET)


def test_a_big_lock_is_read_quickly() -> None:
    """Five thousand packages with thirty hashes each are read in seconds."""
    hashes = " \\\n".join(f"    --hash=sha256:{number:064x}" for number in range(30))
    lock = read("\n".join(f"package-{number}==1.{number} \\\n{hashes}" for number in range(2000)))
    assert len(lock.requirements) == 2000
    assert lock.requirements[-1].where.line == 1999 * 31 + 1


WORDS = st.sampled_from(
    [
        *("six==1", "six", "-r", "-c", "-e", "--hash", "=", "sha256:", "a" * 64, ";", "\\\n", "\n"),
        *("#", "'", '"', " ", "[x]", "python_version", "<", "'3'", "@", "${X}", "\ufeff", "\r"),
        *("-i", "http://index.example", "--pre", "\x00", "\x85", "../", ",", "==", "*", "(", ")"),
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=30).map("".join)))
def test_no_text_crashes_the_reader(text: str) -> None:
    """Whatever a file holds, it is read or refused with a place."""
    try:
        read(text, {"sub/x": text})
    except InvalidError as error:
        assert error.what.startswith("sub/")
