"""Outputs that cannot be written or would be lost, and bundles that were changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.driver import (
    bundles,
    containers,
    remove_images,
    repropack,
    traces,
)
from tests.integration.bad_input import refused, simple


@pytest.mark.parametrize("command", ["build", "verify"])
@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
@pytest.mark.engine
def test_output_that_exists(command: str, force: tuple[str, ...], tmp_path: Path) -> None:
    """What exists is not replaced: exit code 2. --force replaces only what repropack wrote."""
    directory, out = simple(tmp_path / "exists"), tmp_path / "precious"
    out.mkdir()
    (out / "thesis.tex").write_text("all of it")
    for target in (out, out / "thesis.tex", directory):
        refused(repropack(command, directory, "-o", target, *force), 2, str(target), "-o")
    assert (out / "thesis.tex").read_text() == "all of it"
    assert (directory / ".git").is_dir()
    assert traces(tmp_path) == []


@pytest.mark.engine
def test_output_is_replaced_when_asked(tmp_path: Path) -> None:
    """A bundle and a verification replace what an earlier command wrote, with --force."""
    directory = simple(tmp_path / "replaced")
    for command, out in (("build", tmp_path / "bundle"), ("verify", tmp_path / "results")):
        assert repropack(command, directory, "-o", out).code == 0
        refused(repropack(command, directory, "-o", out), 2, "exists already", "--force")
        again = repropack(command, directory, "-o", out, "--force")
        assert again.code == 0, again.said
    assert traces(tmp_path) == []


@pytest.mark.engine
def test_output_in_the_project(tmp_path: Path) -> None:
    """An output among the project's files is told of: git would see it as a change."""
    directory = simple(tmp_path / "inside", **{".gitignore": "ignored\n"})
    quiet = repropack("build", directory, "-o", directory / "ignored")
    told = repropack("build", directory, "-o", directory / "artifact")
    assert (quiet.code, told.code) == (0, 0), quiet.said + told.said
    assert "lies in the project" not in quiet.err
    assert f"note: {directory / 'artifact'} lies in the project: add it to .gitignore" in told.err


@pytest.mark.engine
def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """An output below a file cannot be: an error, and nothing is left."""
    directory = simple(tmp_path / "below")
    (tmp_path / "file").write_text("x")
    out = tmp_path / "file" / "bundle"
    refused(repropack("build", directory, "-o", out), 5, f"cannot write {out}")
    refused(repropack("verify", directory, "-o", out), 2, f"cannot write {out}")
    assert traces(tmp_path) == []


@pytest.fixture(scope="module")
def sound_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that verifies."""
    directory = tmp_path_factory.mktemp("bundles")
    out = directory / "sound"
    done = repropack("build", simple(directory / "tampered", **{"a.py": "1\n"}), "-o", out)
    assert done.code == 0, done.said
    return out


def flip(path: Path) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "damage", "word"),
    [
        ("source/a.py", flip, "changed: source/a.py"),
        ("judge.pyz", flip, "changed: judge.pyz"),
        ("repropack.json", flip, "changed: repropack.json"),
        ("Dockerfile", flip, "changed: Dockerfile"),
        ("reproduce.sh", flip, "changed: reproduce.sh"),
        ("SHA256SUMS", flip, ""),
        ("LINKS", flip, "LINKS"),
        ("pylock.toml", Path.unlink, "missing: pylock.toml"),
        ("repropack.json", Path.unlink, "missing: repropack.json"),
        ("SHA256SUMS", Path.unlink, "SHA256SUMS"),
        ("source/extra.py", Path.touch, "added: source/extra.py"),
    ],
)
def test_bundle_that_was_changed(
    name: str, damage: Callable[[Path], None], word: str, sound_bundle: Path, tmp_path: Path
) -> None:
    """One bit that differs, a file too many or too few: exit code 7, and which one it is."""
    bundle = tmp_path / "bundle"
    shutil.copytree(sound_bundle, bundle, symlinks=True)
    if name == "LINKS":
        (bundle / name).write_text("source/a -> b\n")
    else:
        damage(bundle / name)
    refused(repropack("verify", bundle), 7, word)
    assert not (bundle / ".repropack").exists()


@pytest.mark.engine
def test_bundle_that_was_not_changed(sound_bundle: Path, tmp_path: Path) -> None:
    """A copy of a bundle verifies."""
    bundle = tmp_path / "a copy; with a name $(id)"
    shutil.copytree(sound_bundle, bundle, symlinks=True)
    done = repropack("verify", bundle)
    assert done.code == 0, done.said
    assert containers("tampered") == []
    remove_images("tampered")


# A dirty tree that is wanted ------------------------------------------------------------------


@pytest.mark.engine
def test_allow_dirty(tmp_path: Path) -> None:
    """--allow-dirty packs the changes as a patch, and every verdict says so."""
    directory = simple(tmp_path / "dirty")
    config = directory / "repropack.yaml"
    config.write_text(config.read_text().replace("echo x=1", "echo x=1.0"))
    done = repropack("verify", "--allow-dirty", directory)
    assert done.code == 0, done.said
    row = next(line for line in done.out.splitlines() if line.startswith("one "))
    assert row.endswith("reproduced, dirty")
    assert "dirty" in done.out.strip().splitlines()[-1]
    (bundle,) = bundles(directory)
    assert b"+    run: echo x=1.0" in (bundle / "source.patch").read_bytes()
    report = next(directory.glob(".repropack/verifications/*/report.md")).read_text()
    assert "dirty" in report
