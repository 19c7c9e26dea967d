"""Signatures and attestations: who built it, who verified it, and what they found."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from repropack import signing
from repropack.errors import IntegrityError, UsageError
from tests.cli.driver import inside, project
from tests.integration.test_many_runs import PYTHON
from tests.unit.bundle.made import reproduce, tool_directory

CONFIG = f"""
    name: darts
    environment: {{python: "{PYTHON}"}}
    experiments:
      e:
        run: python e.py
        metrics: {{pi: {{json: r.json, key: pi}}, e: {{json: r.json, key: e}}}}
        outputs: [r.json]
    claims:
      - {{id: pi, metric: e.pi, value: "3.14", tolerance: 0.01}}
      - {{id: e, metric: e.e, value: "1.0", tolerance: 0.01}}
"""
SCRIPT = "import json\njson.dump({'pi': 3.1416, 'e': 2.718}, open('r.json', 'w'))\n"
FILES = {"repropack.yaml": CONFIG, "e.py": SCRIPT, "r.json": '{"pi": 3.14, "e": 1.0}'}


class Signed(NamedTuple):
    """A signed bundle, the key, and somebody else's."""

    bundle: Path
    key: Path
    other: Path


def make_key(path: Path, comment: str) -> Path:
    """A key without a passphrase."""
    program = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(program, check=True)
    return path


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """A bundle that was built and signed without a container."""
    directory = tmp_path_factory.mktemp("signed")
    key, other = (make_key(directory / name, f"{name}@laptop") for name in ("key", "other"))
    paper, bundle = project(directory / "paper", FILES), directory / "bundle"
    done = inside("build", paper, "--engine", "venv", "-o", bundle, "--sign", key)
    assert done.code == 0, done.said
    return Signed(bundle, key, other)


def public(key: Path) -> Path:
    """The public half."""
    return key.with_name(key.name + ".pub")


def copied(signed: Signed, directory: Path) -> Path:
    """A copy that may be spoilt."""
    shutil.copytree(signed.bundle, directory / "copy", symlinks=True)
    return directory / "copy"


def loaded(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text("utf-8"))


def test_who_signed(signed: Signed, tmp_path: Path) -> None:
    """A public key and a list of signers are believed; the list gives the signer's name."""
    sums, key = signed.bundle / "SHA256SUMS", public(signed.key).read_text()
    assert signing.check(sums, public(signed.key)) == "author"
    (tmp_path / "allowed").write_text(f'# the authors\nada@club namespaces="repropack" {key}')
    assert signing.check(sums, tmp_path / "allowed") == "ada@club"
    assert signing.check(signed.bundle / "provenance.json", public(signed.key)) == "author"
    assert b"laptop" not in (signed.bundle / "SHA256SUMS.sig").read_bytes()


def test_signature_of_another_purpose(signed: Signed, tmp_path: Path) -> None:
    """What the same key signed for git is no signature of a bundle."""
    bundle = copied(signed, tmp_path)
    sums = bundle / "SHA256SUMS"
    (bundle / "SHA256SUMS.sig").unlink()
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(signed.key), str(sums)]
    subprocess.run(sign, check=True, capture_output=True)
    with pytest.raises(IntegrityError, match="is not what author signed"):
        signing.check(sums, public(signed.key))


def spoil(bundle: Path, how: str) -> None:
    """Change a bundle as its attacker would: its checksums agree again."""
    sums = bundle / "SHA256SUMS"
    if how == "content":
        (bundle / "source" / "e.py").write_text("print(3)")
        digest = hashlib.sha256(b"print(3)").hexdigest()
        lines = sums.read_text().splitlines(keepends=True)
        sums.write_text(
            "".join(f"{digest}  source/e.py\n" if "source/e.py" in ln else ln for ln in lines)
        )
    elif how == "unsigned":
        (bundle / "SHA256SUMS.sig").unlink()
    elif how == "garbage":
        (bundle / "SHA256SUMS.sig").write_bytes(b"\0\xff" * 40)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("content", "is not what author signed"),
        ("unsigned", "is not signed"),
        ("garbage", "is signed by a key that is not in"),
        ("other", "is signed by a key that is not in"),
    ],
)
def test_wrong_signature(how: str, says: str, signed: Signed, tmp_path: Path) -> None:
    """verify and reproduce.sh refuse it with exit code 7, before anything of it is run."""
    bundle = copied(signed, tmp_path)
    spoil(bundle, how)
    trust = public(signed.other if how == "other" else signed.key)
    done = inside("verify", bundle, "--engine", "venv", "--trust", trust)
    assert done.code == 7 and says in done.err, done.said
    done = inside("verify", bundle, "--recorded", "--trust", trust)
    assert done.code == 7 and says in done.err, done.said
    path = tool_directory(tmp_path / "bin", Path(shutil.which("ssh-keygen") or ""))
    told = reproduce(bundle, "--trust", str(trust), "--recorded", path=path)
    assert told.returncode == 7, told.stderr
    assert says.partition(" ")[2] in told.stderr and "hint:" in told.stderr
    assert not (bundle / "recorded").exists()


def test_reproduce_believes_a_signature(signed: Signed, tmp_path: Path) -> None:
    """reproduce.sh says who signed, and goes on."""
    bundle = copied(signed, tmp_path)
    path = tool_directory(tmp_path / "bin", Path(shutil.which("ssh-keygen") or ""))
    (path / "python3").symlink_to(sys.executable)
    relative = os.path.relpath(public(signed.key), bundle.parent)
    told = reproduce(bundle, "--trust", relative, "--recorded", path=path)
    assert "signed by author" in told.stderr and told.returncode == 0, told.stderr


def test_no_ssh_keygen(signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ssh-keygen both say what to install."""
    bundle = copied(signed, tmp_path)
    path = tool_directory(tmp_path / "bin")
    told = reproduce(bundle, "--trust", str(public(signed.key)), path=path)
    assert told.returncode == 2 and "install OpenSSH" in told.stderr
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(UsageError) as caught:
        signing.check(bundle / "SHA256SUMS", public(signed.key))
    assert "apt-get install openssh-client" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["absent", "key.pub is text", "directory"])
def test_bad_key(name: str, tmp_path: Path) -> None:
    """A key that does not sign is refused before anything is built."""
    paper = project(tmp_path / "paper", FILES)
    (tmp_path / "key.pub is text").write_text("nothing")
    (tmp_path / "directory").mkdir()
    done = inside(
        "build", paper, "--engine", "venv", "-o", tmp_path / "out", "--sign", tmp_path / name
    )
    assert done.code == 2 and "hint:" in done.err, done.said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "# nobody\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n"])
def test_bad_trust(text: str, tmp_path: Path) -> None:
    """A list that names nobody, or a private key, is no trust."""
    (tmp_path / "trust").write_text(text)
    with pytest.raises(UsageError):
        signing.allowed_signers(tmp_path / "trust")


def test_trust_needs_a_bundle(tmp_path: Path) -> None:
    """A repository is not signed: --trust is refused."""
    paper = project(tmp_path / "paper", FILES)
    done = inside("verify", paper, "--engine", "venv", "--trust", tmp_path / "x")
    assert done.code == 2 and "--trust is for a bundle" in done.err


def test_provenance(signed: Signed) -> None:
    """The statement names the bundle, the commit and the lock, and nobody's machine."""
    found = loaded(signed.bundle / "provenance.json")
    sums = (signed.bundle / "SHA256SUMS").read_bytes()
    expected = {"name": "SHA256SUMS", "digest": {"sha256": hashlib.sha256(sums).hexdigest()}}
    assert found["subject"] == [expected]  # no container, no image
    definition = found["predicate"]["buildDefinition"]
    source = loaded(signed.bundle / "repropack.json")["source"]
    parts = {each["name"]: each["digest"] for each in definition["resolvedDependencies"]}
    assert parts["source"] == {"gitCommit": source["commit"], "gitTree": source["tree"]}
    lock = hashlib.sha256((signed.bundle / "pylock.toml").read_bytes()).hexdigest()
    assert parts["pylock.toml"] == {"sha256": lock}
    assert os.uname().nodename not in json.dumps(found)


def test_verification_is_attested(signed: Signed, tmp_path: Path) -> None:
    """verify signs which claims passed and which failed, and names the report by its hash."""
    out = tmp_path / "out"
    trust = ("--trust", public(signed.key), "--sign", signed.other)
    before = {path.name for path in signed.bundle.iterdir()} | {".repropack"}
    done = inside("verify", signed.bundle, "--engine", "venv", *trust, "-o", out)
    assert done.code == 1 and "signed by author" in done.err, done.said
    found = loaded(out / "attestation.json")
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    result = found["predicate"]
    assert (result["result"], result["passedTests"]) == ("FAILED", ["pi"])
    assert (result["failedTests"], result["warnedTests"]) == (["e"], [])
    sums = hashlib.sha256((signed.bundle / "SHA256SUMS").read_bytes()).hexdigest()
    assert found["subject"][0]["digest"] == {"sha256": sums}
    report = hashlib.sha256((out / "report.json").read_bytes()).hexdigest()
    assert result["repropack_report"]["digest"] == {"sha256": report}
    assert signing.check(out / "attestation.json", public(signed.other)) == "author"
    assert {path.name for path in signed.bundle.iterdir()} <= before
    again = inside("verify", signed.bundle, "--engine", "venv", "-o", out, "--force")
    assert again.code == 1 and not (out / "attestation.json.sig").exists()


def test_runs_are_a_crate(signed: Signed, tmp_path: Path) -> None:
    """The crate of a verification has each run, its command, files, numbers and end."""
    out = tmp_path / "out"
    assert inside("verify", signed.bundle, "--engine", "venv", "-o", out).code == 1
    graph = {each["@id"]: each for each in loaded(out / "ro-crate-metadata.json")["@graph"]}
    run = graph["#run-e"]
    assert run["description"] == "python e.py" and run["endTime"] >= run["startTime"]
    results = [graph[each["@id"]] for each in run["result"]]
    numbers = {each["name"]: each["value"] for each in results if each["@type"] == "PropertyValue"}
    assert numbers == {"pi": "3.1416", "e": "2.718"}
    files = [each["@id"] for each in results if each["@type"] == "File"]
    assert "runs/e/record.json" in files and all((out / each).is_file() for each in files)
    assert graph["./"]["mentions"] == {"@id": "#run-e"}


def test_what_a_bundle_wants_is_asked(tmp_path: Path) -> None:
    """What a bundle's experiments want is told and needs --allow; a repository's does not."""
    config = CONFIG.replace("outputs: [r.json]", "network: true\n        gpu: optional")
    paper, bundle = project(tmp_path / "paper", {**FILES, "repropack.yaml": config}), tmp_path / "b"
    engine = ("--engine", "venv")
    assert inside("build", paper, *engine, "-o", bundle).code == 0
    done = inside("verify", bundle, *engine)
    assert done.code == 2 and "\n  network: e\n  gpu: e\n" in done.err, done.said
    assert "--allow network --allow gpu" in done.err
    done = inside("verify", bundle, *engine, "--allow", "network")
    assert done.code == 2 and "\n  gpu: e\n" in done.err and "network: e" not in done.err
    done = inside("verify", bundle, *engine, "--allow", "network", "--allow", "gpu")
    assert done.code == 1 and "allowed: gpu, for e" in done.err, done.said
    assert inside("verify", paper, *engine, "-o", tmp_path / "out").code == 1
