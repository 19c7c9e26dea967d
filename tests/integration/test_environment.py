"""The environment stage for real: pip and uv run, against local wheels or against the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repropack.environment import (
    AsOf,
    Format,
    Lock,
    Target,
    Wheel,
    fetch,
    place,
    read_lock,
    resolve,
    to_pylock,
    tools,
    wheel_path,
)
from repropack.environment.admitting import refuse_unadmitted
from repropack.environment.failures import SourcesOnlyError
from repropack.environment.requirements import Line
from repropack.errors import (
    BuildError,
    IntegrityError,
    InvalidError,
    OtherPythonError,
    RepropackError,
    SourceError,
    TemporaryError,
)
from repropack.findings import Where
from tests.unit.environment.wheelhouse import PURE, TARGET, lock, make_wheel, requirement, sha256

PIP_LIMITS = ("PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


class Files:
    """A source that is a few texts."""

    def __init__(self, **texts: str) -> None:
        self.texts = {name.replace("_", ".", 1): text for name, text in texts.items()}

    def has(self, path: str) -> bool:
        """Whether there is such a text."""
        return path in self.texts

    def read_text(self, path: str) -> str:
        """One of the texts."""
        try:
            return self.texts[path]
        except KeyError:
            raise SourceError(f"there is no {path}") from None


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels that is all that pip and uv know of."""
    directory = tmp_path / "links"
    directory.mkdir()
    for name in PIP_LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that is empty."""
    return tmp_path / "cache"


@pytest.fixture
def dead_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts Python from here on fails."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")


def silent(line: str) -> None:
    """Progress that nobody reads."""


def get(locked: Lock, cache: Path, target: Target = TARGET) -> tuple[Wheel, ...]:
    """Fetch without progress."""
    return fetch(locked, target, cache=cache, progress=silent)


def refused(locked: Lock, cache: Path) -> RepropackError:
    """The error that fetching ends with; nothing may be left half-way."""
    with pytest.raises(RepropackError) as raised:
        get(locked, cache)
    assert not list((cache / "tmp").iterdir())
    assert raised.value.hint
    return raised.value


def test_a_lock_becomes_wheels_a_pylock_and_an_environment(links: Path, cache: Path) -> None:
    """What is read, fetched and written can be installed by uv, without any index."""
    six = make_wheel(links, "six", "1.16.0")
    other = make_wheel(links, "my-other", "2.0+cpu", requires=("six",))
    text = f"six==1.16.0 --hash=sha256:{sha256(six)}\nMy.Other==2.0 --hash=sha256:{sha256(other)}\n"
    locked = read_lock(text, "requirements.txt", Format.HASHED, target=TARGET)
    said: list[str] = []
    wheels = fetch(locked, TARGET, cache=cache, progress=said.append)
    assert [(w.name, w.version) for w in wheels] == [("six", "1.16.0"), ("my-other", "2.0+cpu")]
    assert [line.split(":")[0] for line in said] == [
        *("fetching 2 of 2 packages", "fetching 1/2", "fetching 2/2")
    ]
    bundle = cache.parent / "bundle"
    place(wheels, cache, bundle / "wheels")
    (bundle / "pylock.toml").write_text(to_pylock(wheels, TARGET))
    install(bundle)
    assert (bundle / "env" / "my_other.py").is_file()


def install(bundle: Path) -> None:
    """What the image's build does."""
    uv = [sys.executable, "-m", "uv", "--offline", "--no-config", "pip", "install", "--no-deps"]
    command = [*uv, "--require-hashes", "-r", "pylock.toml", "--no-index", "--target", "env"]
    command += ["--python-version", "3.11", "--cache-dir", str(bundle / "uv-cache")]
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("dead_pip")
def test_no_packages_need_no_pip(cache: Path) -> None:
    """An environment without packages is fetched without a process and without a cache."""
    assert get(lock(), cache) == ()
    assert not cache.exists()


def test_what_is_cached_needs_nothing(
    links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty packages that are there take a third of a second at most, and no pip."""
    locked = lock(
        *(
            requirement(f"p{number}", "1.0", sha256(make_wheel(links, f"p{number}", "1.0")))
            for number in range(60)
        )
    )
    first = get(locked, cache)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    started = time.perf_counter()
    assert get(locked, cache) == first
    assert time.perf_counter() - started < 0.3


def test_only_what_changed_is_fetched(links: Path, cache: Path) -> None:
    """A lock that differs in one package asks pip for that one."""
    six, other = make_wheel(links, "six", "1.0"), make_wheel(links, "other", "1.0")
    get(lock(requirement("six", "1.0", sha256(six))), cache)
    said: list[str] = []
    both = lock(requirement("six", "1.0", sha256(six)), requirement("other", "1.0", sha256(other)))
    fetch(both, TARGET, cache=cache, progress=said.append)
    assert said[0] == "fetching 1 of 2 packages"
    assert len(said) == 2 and "other-1.0" in said[1]


def test_a_hash_that_differs_is_an_integrity_error(links: Path, cache: Path) -> None:
    """The error names the package, its place, what was expected and what came."""
    wheel = make_wheel(links, "six", "1.0")
    error = refused(lock(requirement("six", "1.0", "a" * 64, line=7)), cache)
    assert isinstance(error, IntegrityError) and error.exit_code == 7
    for part in ("requirements.txt:7", "six==1.0", "a" * 64, sha256(wheel)):
        assert part in error.what
    assert not (cache / "wheels").exists()


def test_the_right_file_among_several_is_found_by_its_hash(links: Path, cache: Path) -> None:
    """A build tagged `+cpu` answers a plain version when its hash is the lock's."""
    make_wheel(links, "torch", "2.13.0+aaa")
    cpu = make_wheel(links, "torch", "2.13.0+cpu", tag="cp311-cp311-manylinux_2_28_x86_64")
    (wheel,) = get(lock(requirement("torch", "2.13.0", sha256(cpu))), cache)
    assert (wheel.version, wheel.filename) == ("2.13.0+cpu", cpu.name)


@pytest.mark.parametrize(
    ("wheel", "message"),
    [
        (None, "requirements.txt:3: no index has a package named six"),
        ({"version": "0.9"}, "six has no version 1.0 that can be installed; the last ones are 0.9"),
        (
            {"version": "1.0", "tag": "cp311-cp311-win_amd64"},
            "no wheel for six==1.0 on Python 3.11, linux x86_64 (there are wheels for other",
        ),
        (
            {"version": "1.0", "tag": "cp311-cp311-manylinux_2_39_x86_64"},
            "no wheel for six==1.0 on Python 3.11, linux x86_64",
        ),
    ],
)
def test_what_does_not_exist_is_invalid(
    links: Path, cache: Path, wheel: Mapping[str, str] | None, message: str
) -> None:
    """The error says what is missing: the package, the version, the Python or the platform."""
    if wheel is not None:
        make_wheel(links, "six", wheel["version"], tag=wheel.get("tag", PURE))
    error = refused(lock(requirement("six", "1.0", "a" * 64, line=3)), cache)
    assert isinstance(error, InvalidError) and error.exit_code == 3
    assert message in error.what


def test_another_python_is_invalid(links: Path, cache: Path) -> None:
    """A wheel that refuses the target's Python is told with the Python that it needs."""
    wheel = make_wheel(links, "six", "1.0", requires_python=">=3.12")
    error = refused(lock(requirement("six", "1.0", sha256(wheel), line=3)), cache)
    assert isinstance(error, InvalidError)
    assert "requirements.txt:3: six==1.0 needs Python >=3.12, the target is" in error.what


def test_a_source_distribution_is_not_a_wheel(links: Path, cache: Path) -> None:
    """Fetching builds nothing: the error says that there is only a source distribution."""
    (links / "six-1.0.tar.gz").write_bytes(b"never opened")
    error = refused(lock(requirement("six", "1.0", "a" * 64)), cache)
    assert "(there is a source distribution)" in error.what


def test_a_name_that_is_a_module_gets_a_hint(links: Path, cache: Path) -> None:
    """People write the name that they import."""
    error = refused(lock(requirement("sklearn", "1.0", "a" * 64)), cache)
    assert error.hint and error.hint.startswith("write scikit-learn")


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "through a link"])
def test_a_damaged_cache_is_fetched_again(links: Path, cache: Path, damage: str) -> None:
    """A cached file that is not what it was is never handed out."""
    locked = lock(requirement("six", "1.0", sha256(make_wheel(links, "six", "1.0"))))
    (wheel,) = get(locked, cache)
    path = wheel_path(cache, wheel)
    place((wheel,), cache, cache.parent / "context")
    whole = path.read_bytes()
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(whole[:-1])
    else:
        victim = path if damage == "flip" else cache.parent / "context" / wheel.filename
        victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert get(locked, cache) == (wheel,)
    assert path.read_bytes() == whole


def test_a_damaged_record_is_written_again(links: Path, cache: Path) -> None:
    """A record that a crash or an older release left is no reason to fail."""
    locked = lock(requirement("six", "1.0", sha256(make_wheel(links, "six", "1.0"))))
    first = get(locked, cache)
    (record,) = (cache / "resolved").iterdir()
    for text in ("", '{"name": 3}'):
        record.write_text(text)
        assert get(locked, cache) == first


def test_a_record_cannot_point_out_of_the_cache(links: Path, cache: Path) -> None:
    """A file name with a directory in it is not followed."""
    locked = lock(requirement("six", "1.0", sha256(make_wheel(links, "six", "1.0"))))
    get(locked, cache)
    (record,) = (cache / "resolved").iterdir()
    forged = json.loads(record.read_text()) | {"filename": "../../../etc/passwd"}
    record.write_text(json.dumps(forged))
    assert get(locked, cache)[0].filename == "six-1.0-py3-none-any.whl"


def test_two_at_once_do_not_disturb_each_other(links: Path, cache: Path) -> None:
    """Processes that fetch the same lock into the same cache both get all of it."""
    wheels = [make_wheel(links, f"p{number}", "1.0") for number in range(5)]
    text = "\n".join(f"{w.name.split('-')[0]}==1.0 --hash=sha256:{sha256(w)}" for w in wheels)
    script = (
        "import sys; from pathlib import Path; from repropack.environment import *\n"
        "t = Target(python='3.11'); text = sys.stdin.read()\n"
        "lock = read_lock(text, 'requirements.txt', Format.HASHED, target=t)\n"
        "print(len(fetch(lock, t, cache=Path(sys.argv[1]), progress=lambda line: None)))"
    )
    command = [sys.executable, "-c", script, str(cache)]
    results: list[str] = []

    def one() -> None:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        results.append(done.stdout.strip() or done.stderr)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["5", "5"]
    assert len(list((cache / "wheels").glob("*/*.whl"))) == 5
    assert not list((cache / "tmp").iterdir())


def test_the_machines_tools_are_left_as_they_are(
    links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings of pip that make it quiet, or want a virtual environment, change nothing."""
    monkeypatch.setenv("PIP_QUIET", "3")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    error = refused(lock(requirement("six", "1.0", "a" * 64)), cache)
    assert "no index has a package named six" in error.what


def test_an_index_that_is_away_is_temporary(
    links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that fails is told apart from a package that does not exist."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:9/simple")
    error = refused(lock(requirement("six", "1.0", "a" * 64)), cache)
    assert isinstance(error, TemporaryError) and error.exit_code == 75
    assert "127.0.0.1" in error.what


def test_a_proxy_that_is_away_is_temporary(
    links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint names the setting of the proxy."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_PROXY", "http://127.0.0.1:9")
    error = refused(lock(requirement("six", "1.0", "a" * 64)), cache)
    assert isinstance(error, TemporaryError)
    assert error.hint and "proxy" in error.hint


def test_a_cache_that_cannot_be_written_is_a_build_error(links: Path, tmp_path: Path) -> None:
    """The error names the directory and says what to do."""
    make_wheel(links, "six", "1.0")
    (tmp_path / "cache").write_text("a file where a directory should be")
    with pytest.raises(BuildError) as raised:
        get(lock(requirement("six", "1.0", "a" * 64)), tmp_path / "cache")
    assert str(tmp_path / "cache") in raised.value.what and raised.value.hint


def test_an_interrupted_fetch_leaves_nothing(
    links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a download stops pip and removes what it had."""

    def interrupt(line: str) -> None:
        if line.startswith("fetching 1/"):
            raise KeyboardInterrupt

    wheel = make_wheel(links, "six", "1.0")
    with pytest.raises(KeyboardInterrupt):
        fetch(
            lock(requirement("six", "1.0", sha256(wheel))),
            TARGET,
            cache=cache,
            progress=interrupt,
        )
    assert not list((cache / "tmp").iterdir())
    assert not (cache / "wheels").exists()


def test_a_bundles_exact_wheels_are_found_in_the_cache(
    links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came for a lock with many hashes answers a bundle that names one, without pip."""
    cpu = make_wheel(links, "torch", "2.0+cpu", tag="cp311-cp311-manylinux_2_17_x86_64")
    (wheel,) = get(lock(requirement("torch", "2.0", "a" * 64, sha256(cpu))), cache)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    exact = lock(requirement("torch", "2.0+cpu", wheel.sha256))
    assert get(exact, cache) == (wheel,)
    with pytest.raises(BuildError, match="cannot start"):
        get(exact, cache, Target(python="3.13"))
    with pytest.raises(BuildError, match="cannot start"):
        get(lock(requirement("torch", "2.1", wheel.sha256)), cache)


def test_one_name_may_be_needed_in_two_versions(links: Path, cache: Path) -> None:
    """A project that uses uv itself is installed by another uv."""
    versions = [requirement("uv", v, sha256(make_wheel(links, "uv", v))) for v in ("1.0", "2.0")]
    assert [wheel.version for wheel in get(lock(*versions), cache)] == ["1.0", "2.0"]


def test_wheels_are_placed_as_links_or_copies(links: Path, cache: Path, tmp_path: Path) -> None:
    """A copy can be changed without harm to the cache; placing twice is no error."""
    wheels = get(lock(requirement("six", "1.0", sha256(make_wheel(links, "six", "1.0")))), cache)
    cached = wheel_path(cache, wheels[0])
    for link in (True, True, False):
        place(wheels, cache, tmp_path / "context", link=link)
        assert cached.samefile(tmp_path / "context" / cached.name) is link
    cached.unlink()
    with pytest.raises(IntegrityError):
        place(wheels, cache, tmp_path / "other")


def ask(source: Files, cache: Path, as_of: datetime | None = None, file: str = "r.txt") -> Lock:
    """Resolve for the usual target."""
    return resolve(source, file, target=TARGET, as_of=at(as_of), cache=cache)


def at(time: datetime | None) -> AsOf:
    """The date of a commit, or of none."""
    return AsOf(time=time, because="the commit's date" if time else "there is no commit")


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


# From here on: the real index.

DATE = datetime(2024, 5, 1, 12, tzinfo=UTC)
REAL = ("numpy", "scikit-learn", "pyyaml", "cryptography", "click", "pillow")


@pytest.mark.network
def test_resolving_as_of_a_date_gives_that_days_versions(cache: Path) -> None:
    """A commit of May 2024 gets the releases of that day, and they can be fetched."""
    locked = ask(Files(r_txt="scikit-learn\nnumpy"), cache, DATE)
    versions = {r.name: r.version for r in locked.requirements}
    assert versions["numpy"] == "1.26.4" and versions["scikit-learn"] == "1.4.2"
    assert "as of 2024-05-01, the commit's date" in locked.because
    assert len(get(locked, cache)) == len(versions)


@pytest.mark.network
def test_what_did_not_exist_on_the_date_is_told(cache: Path) -> None:
    """The name, when it came out, and the option that takes it."""
    with pytest.raises(InvalidError) as raised:
        ask(Files(r_txt="numpy\nscikit-learn>=1.5\n"), cache, DATE)
    assert "r.txt:2: nothing satisfies the requirements as of 2024-05-01" in raised.value.what
    assert "scikit-learn" in (raised.value.hint or "")
    assert "came out later" in (raised.value.hint or "") and "--as-of now" in str(raised.value.hint)


@pytest.mark.network
def test_the_wheel_chosen_is_the_one_that_pip_chooses(cache: Path, tmp_path: Path) -> None:
    """For the machine that runs the tests, pip without any option is the oracle."""
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    glibc = tuple(int(part) for part in libc.split()[1].split("."))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = Target(python=python, glibc=(glibc[0], glibc[1]))
    locked = resolve(
        Files(r_txt="\n".join(REAL)), "r.txt", target=target, as_of=at(DATE), cache=cache
    )
    ours = {wheel.filename for wheel in get(locked, cache, target)}
    manifest = tmp_path / "plain.txt"
    manifest.write_text("\n".join(map(str, locked.requirements)))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-r", str(manifest)]
    subprocess.run([*command, "-d", str(tmp_path / "plain")], check=True)
    assert ours == {path.name for path in (tmp_path / "plain").iterdir()}


@pytest.mark.network
def test_what_needs_a_later_patch_of_python_is_resolved(cache: Path) -> None:
    """pandas 1.2.4 is for 3.7.1 and later: every base with 3.7 has a later patch than that."""
    began = at(datetime(2021, 6, 1, tzinfo=UTC))
    source = Files(r_txt="pandas<1.2.5\n")
    locked = resolve(source, "r.txt", target=Target(python="3.7"), as_of=began, cache=cache)
    assert "pandas==1.2.4" in map(str, locked.requirements)


@pytest.mark.network
def test_packages_without_wheels_are_resolved_by_their_sources(cache: Path) -> None:
    """Where wheels are not all there is, sources stand in, and their own needs are resolved."""
    target = Target(python="3.9", glibc=(2, 31), from_sources=True)
    source = Files(r_txt="termcolor==1.1.0\nnetworkx==2.2\n")
    began = at(datetime(2021, 6, 1, tzinfo=UTC))
    locked = resolve(source, "r.txt", target=target, as_of=began, cache=cache)
    found = {str(item): item.origin is not None for item in locked.requirements}
    assert found == {"decorator==5.0.9": False, "networkx==2.2": True, "termcolor==1.1.0": True}
    assert all(item.hashes for item in locked.requirements)
    wheels = replace(target, from_sources=False)  # no Python has a wheel of these either
    assert resolve(source, "r.txt", target=wheels, as_of=began, cache=cache) == locked
    others = Files(r_txt="termcolor==1.1.0\nscipy==1.1.0\n")
    with pytest.raises(OtherPythonError, match="has no usable wheels"):
        resolve(others, "r.txt", target=wheels, as_of=began, cache=cache)


@pytest.mark.network
def test_the_tools_are_what_is_pinned(cache: Path) -> None:
    """uv and pip exist with exactly these hashes, for every Python that a base may have."""
    for python in ("3.9", "3.13"):
        assert [w.name for w in tools(cache, Target(python=python), silent)] == ["pip", "uv"]


@pytest.mark.network
def test_packages_that_the_index_does_not_have_are_invalid(cache: Path) -> None:
    """A version that is not there and a package that is only a source distribution are told."""
    error = refused(lock(requirement("six", "99.9", "a" * 64)), cache)
    assert isinstance(error, InvalidError) and "six has no version 99.9" in error.what
    error = refused(lock(requirement("sklearn", "0.0.post12", "a" * 64)), cache)
    assert isinstance(error, SourcesOnlyError)
    assert "no wheel for sklearn==0.0.post12" in error.what
    assert "there is a source distribution" in error.what


@pytest.mark.network
def test_an_address_in_the_lock_is_used_where_the_index_has_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that names another place is fetched from there, and its hash still counts."""
    locked = ask(Files(r_txt="six==1.16.0"), cache, DATE)
    (hashed,) = (
        value for value in locked.requirements[0].hashes if value.startswith("sha256:8abb2f1d")
    )
    address = address_of("six", "1.16.0")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "empty").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    by_address = requirement("six", "1.16.0", hashed.removeprefix("sha256:"), url=address)
    (wheel,) = get(lock(by_address), cache)
    assert wheel.filename == "six-1.16.0-py2.py3-none-any.whl"


def address_of(name: str, version: str) -> str:
    """Where the machine's index has a wheel, as pip's own report tells."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-q"]
    command += ["--no-deps", "--report", "-", f"{name}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["install"][0]["download_info"]["url"])


def of_wheels(*wheels: Path) -> Lock:
    """A lock that has hashes alone."""
    lines = [f"{wheel.name.split('-')[0]}==1.0 --hash=sha256:{sha256(wheel)}" for wheel in wheels]
    return read_lock("\n".join(lines), "requirements.txt", Format.HASHED, target=TARGET)


def test_hashes_tell_the_python_before_anything_is_fetched(links: Path, cache: Path) -> None:
    """The index says of which Pythons' wheels they are; the answer is remembered."""
    older = make_wheel(links, "fast", "1.0", tag="cp310-cp310-manylinux_2_17_x86_64")
    newer = make_wheel(links, "fast", "1.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    pure = make_wheel(links, "pure", "1.0")
    locked = of_wheels(pure, older)
    refuse_unadmitted(locked, Target(python="3.10"), cache)
    for python in ("3.11", "3.12"):
        with pytest.raises(OtherPythonError, match=r"requirements\.txt:2|no wheel"):
            refuse_unadmitted(locked, Target(python=python), cache)
    refuse_unadmitted(of_wheels(newer, pure), Target(python="3.12"), cache)
    older.unlink()
    refuse_unadmitted(locked, Target(python="3.10"), cache)  # it does not ask again
    refuse_unadmitted(of_wheels(make_wheel(cache, "unknown", "1.0")), TARGET, cache)
