"""What conda's own files say, read without conda."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.condafile import (
    foreign_specs,
    foreign_subdirs,
    included_files,
    read_environment,
    read_explicit,
    read_list,
)
from repropack.formats import Format, format_of

EXPORT = """name: paper
channels:
  - pytorch
  - conda-forge
  - nodefaults
dependencies:
  - python=3.10
  - conda-forge::numpy =1.21  # as in the paper
  - libgcc-ng=9.1.0=hdf63c60_0
  - pip:
    - -r requirements.txt
    - torchmetrics==0.6.0
variables:
  OMP_NUM_THREADS: "1"
prefix: /home/somebody/miniconda3/envs/paper
"""


def test_an_environment_is_read_with_its_lines() -> None:
    """Channels, specifications, pip's part and variables; `3.10` stays text."""
    file = read_environment(EXPORT)
    assert [item.text for item in file.channels] == ["pytorch", "conda-forge", "nodefaults"]
    assert [(item.name, item.text, item.line) for item in file.specs] == [
        ("python", "python=3.10", 7),
        ("numpy", "conda-forge::numpy =1.21", 8),
        ("libgcc-ng", "libgcc-ng=9.1.0=hdf63c60_0", 9),
    ]
    assert file.variables == (("OMP_NUM_THREADS", "1"),)
    assert file.pip_text.splitlines()[10:] == ["-r requirements.txt", "torchmetrics==0.6.0"]
    assert list(included_files(EXPORT, "env/environment.yml")) == ["env/requirements.txt"]


@pytest.mark.parametrize(
    ("path", "text", "format"),
    [
        ("environment.yml", EXPORT, Format.CONDA),
        ("env/gpu.yaml", "dependencies:\n- a\n", Format.CONDA),
        ("environment.yml", "dependencies: [python=3.9, pip, {pip: [a]}]", Format.CONDA_PIP),
        ("environment.yml", "dependencies: [{pip: [a]}]", Format.CONDA_PIP),
        ("environment.yml", "dependencies: [python=3.9]", Format.CONDA),
        ("environment.yml", "a: [", Format.CONDA),
        ("docker-compose.yml", "services: {}", None),
        ("spec.txt", "# platform: linux-64\n@EXPLICIT\n", Format.CONDA_EXPLICIT),
        ("conda-linux-64.lock", "@EXPLICIT\n", Format.CONDA_EXPLICIT),
        ("requirements.txt", "# $ conda create --name <env>\na=1=0\n", Format.CONDA_LIST),
        ("requirements.txt", "a==1\n", Format.REQUIREMENTS),
        ("conda-lock.yml", "", Format.CONDA_LOCK),
        ("pixi.lock", "", Format.PIXI_LOCK),
    ],
)  # fmt: skip
def test_formats(path: str, text: str, format: Format | None) -> None:
    """Each of conda's files is recognised by its name or its content."""
    assert format_of(path, text) is format


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "line 1: "),
        ("[" * 9999, "nested"),
        ("- a\n", "it is no mapping"),
        ("", "it is no mapping"),
    ],
)
def test_a_broken_environment_says_why(text: str, reason: str) -> None:
    """What is not YAML, or no environment, is told with its line."""
    with pytest.raises(ValueError, match=reason):
        read_environment(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a file holds, it is a value or a `ValueError`."""
    for read in (read_environment, read_list, read_explicit):
        try:
            read(text)
        except ValueError:
            continue


def test_an_explicit_list() -> None:
    """Addresses with either hash, and without; other platforms are named with their first line."""
    text = (
        "# platform: linux-64\n@EXPLICIT\n"
        "https://c.example/main/linux-64/a-1.0-0.tar.bz2#" + "A" * 32 + "\n"
        "https://c.example/t/secret/main/noarch/b-c-2-py_1.conda#sha256:" + "b" * 64 + "\n"
        "https://c.example/main/win-64/d-1-0.conda#" + "c" * 64 + "\n"
        "https://c.example/main/win-64/e-1-0.conda\n"
    )
    found = read_explicit(text)
    assert [(each.filename, each.hash[:8], each.line) for each in found] == [
        ("a-1.0-0.tar.bz2", "md5:aaaa", 3),
        ("b-c-2-py_1.conda", "sha256:b", 4),
        ("d-1-0.conda", "sha256:c", 5),
        ("e-1-0.conda", "", 6),
    ]
    assert foreign_subdirs(found) == {"win-64": 5}
    with pytest.raises(ValueError, match="line 1: 'numpy=1' is not the address"):
        read_explicit("numpy=1\n")


def test_an_exported_list_splits_pips_packages_off() -> None:
    """`conda list --export` marks what pip installed by its build."""
    file = read_list("# $ conda create\na=1.0=py38_0\nb-c=2.0=pypi_0\nnonsense\n")
    assert [item.text for item in file.specs] == ["a=1.0=py38_0"]
    assert [item.text for item in file.pip] == ["b-c==2.0"]


def test_other_systems_packages_are_whole_names() -> None:
    """`vc` is Windows', `vcpy` is not; each comes with its system."""
    text = "dependencies: [vc=14, vcpy, conda-forge::appnope, python, m2w64-gcc-libs]"
    found = [(item.name, system) for item, system in foreign_specs(read_environment(text))]
    assert found == [("vc", "Windows"), ("appnope", "macOS"), ("m2w64-gcc-libs", "Windows")]
