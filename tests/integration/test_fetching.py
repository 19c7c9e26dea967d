"""Fetching for real: pip and uv run, against local wheels."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from repropack.environment import (
    Format,
    Lock,
    Target,
    fetch,
    place,
    read_lock,
    to_pylock,
    wheel_path,
)
from repropack.environment.admitting import refuse_unadmitted
from repropack.errors import (
    BuildError,
    IntegrityError,
    InvalidError,
    OtherPythonError,
    TemporaryError,
)
from tests.integration.packages import cache, dead_pip, get, links, refused
from tests.unit.environment.wheelhouse import PURE, TARGET, lock, make_wheel, requirement, sha256

__all__ = ["cache", "dead_pip", "links"]  # fixtures


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
