"""Resolving for real: uv runs, against local wheels."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repropack.environment import AsOf, resolve
from repropack.environment.requirements import Line
from repropack.errors import InvalidError
from repropack.findings import Where
from tests.integration.packages import Files, ask, at, cache, get, links
from tests.unit.environment.wheelhouse import TARGET, make_wheel

__all__ = ["cache", "links"]  # fixtures


def test_unpinned_requirements_are_resolved(links: Path, cache: Path) -> None:
    """Direct requirements keep their line, those of others stand in the file; all are hashed."""
    make_wheel(links, "app", "1.0", requires=("helper>=1",))
    make_wheel(links, "app", "2.0", requires=("helper>=1",))
    make_wheel(links, "helper", "1.5")
    locked = ask(Files(r_txt="# c\napp<2 # c\n-c c.txt", c_txt="helper<2"), cache)
    assert [(str(r), str(r.where)) for r in locked.requirements] == [
        ("app==1.0", "r.txt:2"),
        ("helper==1.5", "r.txt"),
    ]
    assert locked.findings[-1].kind == "environment.resolved"
    assert [w.filename for w in get(locked, cache)] == [
        "app-1.0-py3-none-any.whl",
        "helper-1.5-py3-none-any.whl",
    ]


def test_a_resolution_is_remembered(links: Path, cache: Path) -> None:
    """The same question needs no index again; another question does."""
    wheel = make_wheel(links, "app", "1.0")
    first = ask(Files(r_txt="app"), cache)
    wheel.unlink()
    assert ask(Files(r_txt="# changed\napp"), cache).requirements[0].hashes == (
        first.requirements[0].hashes
    )
    with pytest.raises(InvalidError):
        ask(Files(r_txt="app>0"), cache)


def test_now_asks_again(links: Path, cache: Path) -> None:
    """`--as-of now` takes what there is now, whatever was remembered."""
    make_wheel(links, "app", "1.0")
    ask(Files(r_txt="app"), cache)
    make_wheel(links, "app", "2.0")
    now = AsOf(time=None, because="as --as-of says", fresh=True)
    locked = resolve(Files(r_txt="app"), "r.txt", target=TARGET, as_of=now, cache=cache)
    assert [str(r) for r in locked.requirements] == ["app==2.0"]
    assert locked.because == "resolved from r.txt as of now, as --as-of says"
    assert locked.as_of == now.choice


def test_find_links_do_not_hide_what_an_index_had_on_a_date(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wheels without dates count only where no index has an answer."""
    old = make_wheel(tmp_path / "simple" / "app", "app", "1.0")
    (old.parent / "index.html").write_text(f'<a href="{old.name}">{old.name}</a>')
    make_wheel(tmp_path / "links", "app", "2.0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path / 'links'} {tmp_path / 'missing'}")
    assert str(ask(Files(r_txt="app"), cache).requirements[0]) == "app==1.0"
    assert str(ask(Files(r_txt="app==2.0"), cache).requirements[0]) == "app==2.0"


def test_pyproject_dependencies_are_resolved(links: Path, cache: Path) -> None:
    """`[project] dependencies` are enough; the project itself is not built."""
    make_wheel(links, "app", "1.0")
    text = '[project]\nname = "x"\ndependencies = [\n  "app",\n  "win; os_name==\'nt\'",\n]\n'
    locked = ask(Files(pyproject_toml=text), cache, file="pyproject.toml")
    assert [(str(r), str(r.where)) for r in locked.requirements] == [
        ("app==1.0", "pyproject.toml:4")
    ]


def test_a_name_that_never_was_right_is_resolved_as_what_was_meant(
    links: Path, cache: Path
) -> None:
    """`sklearn` becomes scikit-learn, placed where the author wrote it, with a finding."""
    make_wheel(links, "scikit-learn", "1.4")
    locked = ask(Files(r_txt="# x\nsklearn==0.0\n"), cache)
    assert [(str(r), str(r.where)) for r in locked.requirements] == [
        ("scikit-learn==1.4", "r.txt:2")
    ]
    assert "environment.name-mapped" in [f.kind for f in locked.findings]


def test_poetry_tables_are_resolved(links: Path, cache: Path) -> None:
    """A caret is understood, and what is for other systems is left out."""
    for version in ("1.0", "1.9", "2.0"):
        make_wheel(links, "app", version)
    text = "[tool.poetry.dependencies]\npython = '^3.9'\napp = '^1.0'\n"
    text += "win = { version = '*', markers = \"sys_platform == 'win32'\" }\n"
    locked = ask(Files(pyproject_toml=text), cache, file="pyproject.toml")
    assert [(str(r), str(r.where)) for r in locked.requirements] == [
        ("app==1.9", "pyproject.toml:3")
    ]


def test_what_the_code_imports_is_resolved_when_asked(links: Path, cache: Path) -> None:
    """With a manifest or without one, an inferred package is placed where it is imported."""
    make_wheel(links, "app", "1.0")
    make_wheel(links, "six", "1.0")
    line = Line(text="six", hashes=(), where=Where(path="train.py", line=7))
    for file, expected in (("r.txt", ["app==1.0", "six==1.0"]), (None, ["six==1.0"])):
        locked = resolve(
            *(Files(r_txt="app\n"), file),
            target=TARGET,
            as_of=at(None),
            cache=cache,
            inferred=(line,),
        )
        assert [str(r) for r in locked.requirements] == expected
        assert str(locked.requirements[-1].where) == "train.py:7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosuch", "r.txt:1: no index has a package named nosuch"),
        ("six\nhelper\nSkImages", "r.txt:3: no index has a package named skimages"),
        ("helper>2", "r.txt:1: nothing satisfies the requirements: only helper==1"),
        (
            "helper==1\napp",
            "nothing satisfies the requirements: all versions of app depend on helper>=2",
        ),
    ],
)
def test_what_cannot_be_resolved_is_invalid(
    links: Path, cache: Path, text: str, message: str
) -> None:
    """uv's explanation comes in one line, after the place that asks."""
    make_wheel(links, "app", "1.0", requires=("helper>=2",))
    make_wheel(links, "helper", "1")
    make_wheel(links, "six", "1")
    with pytest.raises(InvalidError) as raised:
        ask(Files(r_txt=text), cache)
    assert message in raised.value.what
    assert raised.value.hint and "\n" not in raised.value.what
    assert not (cache / "resolutions").exists()


def test_an_index_without_dates_cannot_answer_for_the_past(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint says that the index, not the requirement, is the reason."""
    wheel = make_wheel(tmp_path / "simple" / "app", "app", "1.0")
    (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    with pytest.raises(InvalidError) as raised:
        ask(Files(r_txt="app"), cache, datetime(2024, 5, 1, tzinfo=UTC))
    assert "as of 2024-05-01" in raised.value.what
    assert raised.value.hint and raised.value.hint.startswith("the index does not say when")


def test_a_file_that_asks_for_nothing_is_an_empty_lock(cache: Path) -> None:
    """A requirements file of comments needs no uv."""
    locked = ask(Files(r_txt="# nothing yet\n"), cache)
    assert locked.requirements == () and locked.because == "r.txt asks for no package"


def test_a_file_that_includes_a_lock_is_one(cache: Path) -> None:
    """Nothing is resolved where everything is pinned."""
    files = Files(r_txt="-r l.txt", l_txt=f"six==1 --hash=sha256:{'a' * 64}")
    assert [str(r.where) for r in ask(files, cache).requirements] == ["l.txt:1"]
