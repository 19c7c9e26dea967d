"""Whatever somebody sends: every reader of a bundle or archive reads it, or says what is wrong.

For each reader there is an honest file, which hypothesis damages: bytes, JSON values, headers of a
tar. Nothing but the project's own errors may come out, and nothing may be written elsewhere. The
quick profile is part of `make test`, the long one of `make test-all`.
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repropack.archives import at_hand, write_archive
from repropack.archives.parts import joined
from repropack.bundle import checksums, read_bundle
from repropack.bundle.image import CarriedImage
from repropack.config import parse_config
from repropack.engines.carried import load_image
from repropack.environment import Target
from repropack.environment.pylock import read_pylock
from repropack.errors import RepropackError
from repropack.footprint import footprint, read
from repropack.obtaining.declared import of_directory
from repropack.progress import Silent
from repropack.signing import allowed_signers
from repropack.verification import read as read_verification
from repropack.verification import write_report
from repropack.zstd import Packer
from tests.conftest import example
from tests.unit.bundle.made import make_bundle, reseal
from tests.unit.bundle.test_hostile_bundles import changed, places
from tests.unit.engines.test_carried import LABEL, Store, by_docker, written
from tests.verifications import sample

PROFILES = [
    pytest.param(12, id="quick"),
    pytest.param(2000, id="long", marks=pytest.mark.slow),
]
#: What is read before anything is believed; each takes a directory of its own and the bytes.
Reader = Callable[[Path, bytes], object]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["../../x", "/etc/passwd", "\udcff", "\0", "a\nb", 10**400, -1, "1e999"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """What is right, made once: a bundle, its archive, an image, a verification, a footprint."""

    bundle: Path
    archive: Path
    image: Path
    carried: CarriedImage
    verification: Path
    footprint: Path


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    """All of it."""
    root = tmp_path_factory.mktemp("honest")
    bundle = make_bundle(example("quickstart", root), root / "bundle").directory
    archive = write_archive(bundle, "top", root / "b.tar.zst", part_bytes=1 << 40).path
    (root / "data").mkdir()
    for name in ("a", "b"):
        (root / "data" / name).write_text(name)
    footprint(root / "data", root / "footprint.json", cache=root / "cache", reporter=Silent())
    return Honest(
        bundle=bundle,
        archive=archive,
        image=root / "image.tar.zst",
        carried=written(by_docker(), root / "image.tar.zst"),
        verification=sample(root / "verification"),
        footprint=root / "footprint.json",
    )


def bundle_with(honest: Honest, directory: Path, name: str, data: bytes) -> Path:
    """A bundle with one file another, and checksums that say so: its sender made both."""
    for each in ("repropack.json", "base.debs.tsv", "reproduce.sh", "LINKS"):
        (directory / each).write_bytes((honest.bundle / each).read_bytes())
    (directory / "source").mkdir()
    (directory / "source" / "train.py").write_text("")
    (directory / name).write_bytes(data)
    reseal(directory)
    return directory


def readers(honest: Honest) -> dict[str, tuple[bytes, Reader]]:
    """Each reader with what it reads when all is well."""

    def bundled(name: str) -> tuple[bytes, Reader]:
        return (honest.bundle / name).read_bytes(), lambda directory, data: read_bundle(
            bundle_with(honest, directory, name, data)
        )

    def sums(directory: Path, data: bytes) -> None:
        bundle_with(honest, directory, "LINKS", b"")
        (directory / checksums.SUMS).write_bytes(data)
        read_bundle(directory)

    def image_record(directory: Path, data: bytes) -> None:
        (directory / "image.tar.zst").write_bytes(b"x")
        found = read_bundle(bundle_with(honest, directory, "image.json", data))
        assert found.carried is None or found.carried.tag == found.tag

    def data_of(directory: Path, data: bytes) -> None:
        of_directory(bundle_with(honest, directory, "repropack.json", data), ())

    def unpacked(directory: Path, data: bytes) -> None:
        (directory / "b.tar.zst").write_bytes(data)
        with at_hand(
            directory / "b.tar.zst", cache=directory / "cache", reporter=Silent()
        ) as found:
            read_bundle(found)

    def parts(directory: Path, data: bytes) -> None:
        (directory / "b.tar.zst.001").write_bytes(b"")
        (directory / "b.tar.zst.sha256").write_bytes(data)
        joined(directory / "b.tar.zst.001")

    def image(directory: Path, data: bytes) -> None:
        (directory / "image.tar.zst").write_bytes(data)
        load_image(Store(), directory / "image.tar.zst", honest.carried, LABEL)

    def recorded(directory: Path, data: bytes) -> None:
        (directory / "f.json").write_bytes(data)
        found = read(directory / "f.json", dataset=directory)
        assert all(isinstance(each[0], bytes) for each in found.entries())

    def verified(name: str) -> Reader:
        def call(directory: Path, data: bytes) -> None:
            run = directory / "runs" / "net_attention-none_lr-0.01_seed0"
            for each in ("record.json", "telemetry.json"):
                run.mkdir(parents=True, exist_ok=True)
                right = next(honest.verification.glob(f"runs/*/{each}"))
                (run / each).write_bytes(right.read_bytes())
            saved = (honest.verification / "report.json").read_bytes()
            (directory / "report.json").write_bytes(saved)
            for path in directory.glob(f"runs/*/{name}"):
                path.write_bytes(data)
            if name == "report.json":
                (directory / name).write_bytes(data)
            write_report(read_verification(directory))

        return call

    def signers(directory: Path, data: bytes) -> None:
        (directory / "trust").write_bytes(data)
        allowed_signers(directory / "trust")

    def lock(directory: Path, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        read_pylock(text, "pylock.toml", Target.of("3.11", "bookworm"))

    runs = honest.verification / "runs"
    return {
        "manifest": bundled("repropack.json"),
        "Debian packages": bundled("base.debs.tsv"),
        "LINKS": bundled("LINKS"),
        "SHA256SUMS": ((honest.bundle / "SHA256SUMS").read_bytes(), sums),
        "image.json": (honest.carried.to_text().encode(), image_record),
        "datasets": ((honest.bundle / "repropack.json").read_bytes(), data_of),
        "archive": (honest.archive.read_bytes(), unpacked),
        "list of parts": (f"{'0' * 64}  b.tar.zst.001\n".encode(), parts),
        "image": (honest.image.read_bytes(), image),
        "footprint": (honest.footprint.read_bytes(), recorded),
        "report.json": (
            (honest.verification / "report.json").read_bytes(),
            verified("report.json"),
        ),
        "record.json": (next(runs.glob("*/record.json")).read_bytes(), verified("record.json")),
        "telemetry.json": (
            next(runs.glob("*/telemetry.json")).read_bytes(),
            verified("telemetry.json"),
        ),
        "repropack.yaml": (
            (honest.bundle / "source" / "repropack.yaml").read_bytes(),
            lambda directory, data: parse_config(data),
        ),
        "pylock.toml": ((honest.bundle / "pylock.toml").read_bytes(), lock),
        "signers": (b"ada ssh-ed25519 AAAAC3Nz\n", signers),
    }


NAMES = (
    *("manifest", "Debian packages", "LINKS", "SHA256SUMS", "image.json", "datasets", "archive"),
    *("list of parts", "image", "footprint", "report.json", "record.json", "telemetry.json"),
    *("repropack.yaml", "pylock.toml", "signers"),
)
DOCUMENTS = ("manifest", "image.json", "datasets", "footprint", "report.json", "record.json",
             "telemetry.json")  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, honest: bytes) -> bytes:
    """The bytes with a few things wrong, or any others."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(honest)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([1, 1, 4, 30, 1000]))
        what = draw(st.sampled_from(["change", "cut", "insert", "repeat", "end"]))
        if what == "change":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif what == "cut":
            del data[at : at + length]
        elif what == "insert":
            data[at:at] = draw(
                st.binary(max_size=8) | st.sampled_from([b"\n", b"\0", b"../", b"!!"])
            )
        elif what == "repeat":
            data[at:at] = data[at : at + length]
        else:
            del data[at:]
    return bytes(data)


def tried(reader: Reader, data: bytes, root: Path) -> None:
    """Call a reader in a directory of its own; it may raise what users are told, nothing else."""
    root.mkdir(exist_ok=True)
    before = {path.name for path in root.iterdir()}
    here = root / f"{len(before)}"
    here.mkdir()
    with contextlib.suppress(RepropackError):
        reader(here, data)
    assert {path.name for path in root.iterdir()} == {*before, here.name}, "it wrote elsewhere"


def profile(examples: int) -> settings:
    """So many examples, the same ones each time."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=checks, derandomize=True
    )


@pytest.mark.parametrize("examples", PROFILES)
@pytest.mark.parametrize("name", NAMES)
def test_damaged_bytes(name: str, examples: int, honest: Honest, tmp_path: Path) -> None:
    """Bytes that are changed, missing, doubled or others altogether."""
    data, reader = readers(honest)[name]
    tried(reader, data, tmp_path / "honest")

    @profile(examples)
    @given(data=damaged(data))
    def attempt(data: bytes) -> None:
        tried(reader, data, tmp_path / "fuzzed")

    attempt()


@pytest.mark.parametrize("examples", PROFILES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_any_value_anywhere(name: str, examples: int, honest: Honest, tmp_path: Path) -> None:
    """Any JSON in any place of a document."""
    data, reader = readers(honest)[name]
    raw = json.loads(data)
    where = sorted(places(raw), key=str)

    @profile(examples)
    @given(path=st.sampled_from(where), value=JSON)
    def attempt(path: tuple[Any, ...], value: Any) -> None:
        text = json.dumps(changed(raw, path, value))
        tried(reader, text.encode("utf-8", "surrogatepass"), tmp_path / "fuzzed")

    attempt()


KINDS = (b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"L", b"K", b"S", b"x", b"g", b"?")
HEADERS = st.tuples(
    st.sampled_from(["top/a", "top", "top/../../x", "/x", "top/a/b", "", ".", "x" * 200, "a\udcff"])
    | st.text(max_size=9),
    st.sampled_from(KINDS),
    st.sampled_from(["", "a", "..", "../../x", "/etc/passwd", "top/a"]) | st.text(max_size=9),
    st.sampled_from([0, 1, 513, 1 << 33, 1 << 62]) | st.integers(0, 2000),
    st.binary(max_size=600),
)


def tar_of(headers: list[tuple[str, bytes, str, int, bytes]]) -> bytes:
    """A tar of any headers, each with any content behind it."""
    out = io.BytesIO()
    for name, kind, goal, size, content in headers:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, goal, size
        out.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        out.write(content + bytes(-len(content) % 512))
    return out.getvalue() + bytes(1024)


@pytest.mark.parametrize("examples", PROFILES)
def test_any_headers(examples: int, honest: Honest, tmp_path: Path) -> None:
    """An archive of any headers with any content behind them."""
    reader = readers(honest)["archive"][1]

    @profile(examples)
    @given(headers=st.lists(HEADERS, max_size=5))
    def attempt(headers: list[tuple[str, bytes, str, int, bytes]]) -> None:
        packer = Packer()
        data = packer.pack(tar_of(headers)) + packer.end()
        tried(reader, data, tmp_path / "fuzzed")

    attempt()


YAML = (
    "!!python/object/apply:os.system ['id']",
    "a: !!python/name:os.system",
    "a: &x [*x]",
    "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]",
    "name: " + "9" * 5000,
    "a: " + "[" * 5000,
    "? {a: b}\n: c",
    "name: 2024-01-01T00:00:00Z",
    "a: 0x" + "f" * 5000,
    "<<: {a: 1}",
    "a: 1\na: 2",
)


@pytest.mark.parametrize("text", YAML, ids=lambda text: text[:20])
def test_yaml_tags_and_numbers(text: str) -> None:
    """No tag makes an object, no alias a bomb, no number takes long."""
    with pytest.raises(RepropackError):
        parse_config(text)
