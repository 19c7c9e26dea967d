"""What runtimes without a daemon are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.engines.runtimes import Apptainer, Bind, Box, Charliecloud


def box(tmp_path: Path, **more: object) -> Box:
    """A container with something to write to and something to read."""
    given = {
        "root": tmp_path,
        "scratch": tmp_path / "tmp",
        "nothing": tmp_path / "nothing",
        "binds": (
            Bind(source=tmp_path, target="/work"),
            Bind(source=tmp_path, target="/work/data", read_only=True),
        ),
        "variables": (("HOME", "/tmp"), ("PATH", "/opt/env/bin"), ("X", "a,b $c")),
        "command": ("python", "train.py"),
    }
    return Box(**{**given, **more})  # type: ignore[arg-type]


def test_charliecloud_has_no_network_unless_asked(tmp_path: Path) -> None:
    """The namespace of the network is the run's own; what runs comes last."""
    words = Charliecloud().command(box(tmp_path))
    assert "--net" in words and words[-3:] == ["--", "python", "train.py"]
    assert "--set-env=X=a,b $c" in words and "--unset-env=*" in words
    assert "--net" not in Charliecloud().command(box(tmp_path, network=True))


def test_a_colon_would_be_bound_elsewhere(tmp_path: Path) -> None:
    """`--bind A:B` has no quotes."""
    binds = (Bind(source=tmp_path / "a:b", target="/work"),)
    with pytest.raises(ValueError, match="colon"):
        Charliecloud().command(box(tmp_path, binds=binds))


def test_apptainer_gets_nothing_of_the_host(tmp_path: Path) -> None:
    """Contained, without the host's variables and home, and without a network unless asked."""
    words = Apptainer().command(box(tmp_path))
    assert words[1:5] == ["exec", "--containall", "--cleanenv", "--no-home"]
    assert words[words.index("--net") + 1 :][:2] == ["--network", "none"]
    assert f"type=bind,source={tmp_path},destination=/work/data,ro" in words
    hidden = f"type=bind,source={tmp_path}/nothing,destination=/sys/class/net,ro"
    assert hidden in words and words[-2:] == ["python", "train.py"] and "--nv" not in words
    open_words = Apptainer().command(box(tmp_path, network=True, gpu=True))
    assert not {"--net", hidden} & set(open_words) and "--nv" in open_words


def test_apptainers_binds_are_fields_of_csv(tmp_path: Path) -> None:
    """A comma or a quote in a path stays a part of it."""
    binds = (Bind(source=Path('/d/a,b"c'), target="/work"),)
    words = Apptainer().command(box(tmp_path, binds=binds))
    assert 'type=bind,"source=/d/a,b""c",destination=/work' in words


def test_variables_of_the_image_are_all_that_there_are(tmp_path: Path) -> None:
    """They are words of a command: apptainer would have a shell read them."""
    words = Apptainer().command(box(tmp_path))
    at = words.index("-i")
    assert words[at - 2 : at] == [str(tmp_path), "/usr/bin/env"]
    assert words[at + 1 :][:3] == ["HOME=/tmp", "PATH=/opt/env/bin", "X=a,b $c"]
    assert not [name for name in Apptainer().variables(box(tmp_path)) if "ENV_" in name]
