from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from repropack.environment import Format, Lock, Target, Wheel, read_lock, to_pylock
from repropack.environment.target import marker_environment, tags_of
from repropack.errors import InvalidError
from tests.unit.environment.wheelhouse import TARGET

HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\n'
A, B = "a" * 64, "b" * 64


def read(text: str, target: Target = TARGET) -> Lock:
    """An author's pylock.toml."""
    return read_lock(text, "pylock.toml", Format.PYLOCK, target=target)


def package(name: str, *files: str, version: str = "1.0", extra: str = "") -> str:
    """One package with wheels, each with a hash of its own."""
    wheels = ", ".join(
        f'{{ url = "https://index.example/files/{file}", hashes = {{ sha256 = "{digit * 64}" }} }}'
        for digit, file in zip("abc", files, strict=False)
    )
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{extra}\nwheels = [{wheels}]\n'


def wheel(name: str = "six", version: str = "1.0", filename: str = "") -> Wheel:
    """A wheel."""
    return Wheel(
        name=name,
        version=version,
        filename=filename or f"{name}-{version}-py3-none-any.whl",
        size_bytes=5,
        sha256=A,
    )


def test_the_wheel_of_the_target_is_chosen() -> None:
    """Of several wheels the one is taken that the standard chooses for the target."""
    text = HEAD + package(
        "numpy",
        "numpy-1.0-cp311-cp311-win_amd64.whl",
        "numpy-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "numpy-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    )
    (requirement,) = read(text).requirements
    assert requirement.hashes == (f"sha256:{B}",)
    assert str(requirement.where) == "pylock.toml:4"
    assert requirement.url is not None and "manylinux_2_17" in requirement.url


def test_the_glibc_of_the_target_counts() -> None:
    """A wheel that needs a newer glibc is not taken, even when it is the better one."""
    text = HEAD + package(
        "x",
        "x-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        "x-1.0-cp311-cp311-manylinux_2_34_x86_64.whl",
    )
    old = Target(python="3.11", glibc=(2, 31))
    assert read(text).requirements[0].hashes == (f"sha256:{B}",)
    assert read(text, old).requirements[0].hashes == (f"sha256:{A}",)


def test_packages_for_other_platforms_are_left_out() -> None:
    """Markers of packages are evaluated for the target."""
    text = HEAD + package("six", "six-1.0-py3-none-any.whl")
    text += package("pywin32", "pywin32-1.0-py3-none-any.whl", extra="marker = \"os_name=='nt'\"")
    assert [r.name for r in read(text).requirements] == ["six"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lock-version = ", "pylock.toml is not TOML"),
        ("", "pylock.toml is not a valid pylock.toml: Missing required value in 'lock-version'"),
        ('lock-version = "9.0"\ncreated-by = "x"\npackages = []', "9.0"),
        (HEAD + "packages = 3", "Unexpected type int"),
        (
            HEAD + package("x", "x-1.0-cp311-cp311-win_amd64.whl"),
            "pylock.toml:4: nothing to install",
        ),
        (
            'requires-python = ">=3.12"\n' + HEAD + "packages = []",
            "nothing to install on Python 3.11",
        ),
        (
            HEAD + package("x", "x-1.0-py3-none-any.whl").replace("sha256", "md5"),
            "pylock.toml:4: x has no sha256 hash",
        ),
        (
            HEAD + "environments = [\"sys_platform === 'linux'\"]\npackages = []",
            "pylock.toml is not a valid pylock.toml: Undefined",
        ),
    ],
)
def test_a_lock_that_cannot_be_packed_is_refused(text: str, message: str) -> None:
    """The error says which file, which line where there is one, and what is wrong."""
    with pytest.raises(InvalidError) as raised:
        read(text)
    assert message in raised.value.what
    assert raised.value.hint


def test_addresses_with_credentials_are_not_taken() -> None:
    """A password in a lock goes nowhere."""
    text = HEAD + package("six", "six-1.0-py3-none-any.whl")
    lock = read(text.replace("https://index", "https://me:secret@index"))
    assert lock.requirements[0].url is None


def test_what_is_written_is_valid_and_chosen_whole() -> None:
    """The bundle's lock is PEP 751, and the standard's algorithm chooses every wheel in it."""
    wheels = (wheel("six"), wheel("torch", "2.13.0+cpu", "torch-2.13.0+cpu-py3-none-any.whl"))
    pylock = Pylock.from_dict(tomllib.loads(to_pylock(wheels, TARGET)))
    chosen = pylock.select(environment=marker_environment(TARGET), tags=tags_of(TARGET))
    paths = [getattr(artifact, "path", None) for _, artifact in chosen]
    assert paths == ["wheels/six-1.0-py3-none-any.whl", "wheels/torch-2.13.0+cpu-py3-none-any.whl"]


def test_what_is_written_does_not_depend_on_the_order() -> None:
    """Two builds of one lock write the same bytes, and no address."""
    wheels = (wheel("six"), wheel("numpy"), wheel("a"))
    text = to_pylock(wheels, TARGET)
    assert text == to_pylock(wheels[::-1], TARGET)
    assert "://" not in text


def test_no_packages_are_a_valid_lock() -> None:
    """A project that needs nothing but the standard library has a lock too."""
    assert read(to_pylock((), TARGET)).requirements == ()


def test_what_is_written_is_read_back() -> None:
    """A bundle's lock names the same versions and hashes when it is read as a lock."""
    lock = read(to_pylock((wheel("six"),), TARGET))
    assert [(str(r), r.hashes) for r in lock.requirements] == [("six==1.0", (f"sha256:{A}",))]


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_hostile_name_cannot_break_out_of_its_string(name: str, filename: str) -> None:
    """Whatever stands in a wheel, the text is a valid lock with one package, or refused."""
    hostile = Wheel(name=name, version="1", filename=filename, size_bytes=1, sha256=A)
    try:
        text = to_pylock((hostile,), TARGET)
    except InvalidError:
        return
    (package_,) = tomllib.loads(text)["packages"]
    assert package_["name"] == name


@given(st.one_of(st.text(), st.text().map(lambda text: HEAD + "[[packages]]\n" + text)))
def test_no_text_crashes_the_reader(text: str) -> None:
    """Whatever a file holds, it is read or refused."""
    try:
        read(text)
    except InvalidError as error:
        assert error.what.startswith("pylock.toml")
