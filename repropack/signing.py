"""Signatures with SSH keys: `ssh-keygen -Y`, in the namespace `repropack`.

Owns: calling ssh-keygen, and what its answers mean. Does not own: which files are signed
(`attesting`, `results`). A signature stands beside its file as FILE.sig; of the signer it holds the
public key alone.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from repropack.errors import IntegrityError, UsageError
from repropack.workspace import write_atomically

NAMESPACE = "repropack"
SUFFIX = ".sig"
_KEY_TYPE = re.compile(r"(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ ")
_ANYBODY = "author"
_NO_PROGRAM = "install OpenSSH's client: apt-get install openssh-client"


def ssh_keygen(*arguments: str | Path, data: bytes = b"") -> tuple[bool, str, str]:
    """Whether it agreed, and what it said on stdout and on stderr. Raises `UsageError`."""
    try:
        done = subprocess.run(["ssh-keygen", *map(str, arguments)], input=data, capture_output=True)
    except FileNotFoundError:
        raise UsageError("there is no ssh-keygen to sign or check with", hint=_NO_PROGRAM) from None
    out, said = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    return done.returncode == 0, out, said.strip()


def signature(data: bytes, key: Path) -> str:
    """The signature of data. Raises `UsageError` where the key does not sign."""
    if not key.is_file():
        raise UsageError(
            f"{key} is not a key to sign with", hint="ssh-keygen -t ed25519 -f KEY makes one"
        )
    good, made, said = ssh_keygen("-Y", "sign", "-n", NAMESPACE, "-f", key, data=data)
    if not good or "BEGIN SSH SIGNATURE" not in made:
        told = said.splitlines()[-1] if said else "ssh-keygen says nothing"
        raise UsageError(
            f"{key} does not sign: {told}",
            hint="name a private key, or a public one whose private key the agent has",
        )
    return made


def sign(path: Path, key: Path) -> Path:
    """Sign a file; the signature stands beside it. Raises `UsageError`."""
    beside = path.with_name(path.name + SUFFIX)
    write_atomically(beside, signature(path.read_bytes(), key))
    return beside


def check(path: Path, trust: Path) -> str:
    """Who signed a file, of those whom `trust` names: an `allowed_signers` file, or a public key.

    Raises `IntegrityError` for a file that is not signed, by somebody else or with other content;
    `UsageError` for a `trust` that names nobody.
    """
    beside = path.with_name(path.name + SUFFIX)
    if not beside.is_file():
        raise IntegrityError(
            f"{path} is not signed: there is no {beside.name}",
            hint="ask the authors for the signed bundle, or leave out --trust",
        )
    with tempfile.TemporaryDirectory() as directory:
        allowed = Path(directory) / "allowed_signers"
        allowed.write_text(allowed_signers(trust), "utf-8")
        who = ("-Y", "find-principals", "-s", beside, "-f", allowed)
        good, names, _ = ssh_keygen(*who)
        name = names.strip().split("\n")[0].split(",")[0]
        if not good or not name:
            raise IntegrityError(
                f"{path} is signed by a key that is not in {trust}",
                hint="ask the authors which key is theirs, by another way than the bundle's",
            )
        same = ("-Y", "verify", "-n", NAMESPACE, "-I", name, "-s", beside, "-f", allowed)
        good, _, said = ssh_keygen(*same, data=path.read_bytes())
    if not good:
        raise IntegrityError(
            f"{path} is not what {name} signed ({said or 'the signature is wrong'})",
            hint="get the bundle again from where it was published",
        )
    return name


def allowed_signers(trust: Path) -> str:
    """The text of an `allowed_signers` file; one is made of public keys."""
    try:
        lines = trust.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"{trust} cannot be read as a list of keys: {error}") from error
    told = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not told or any("PRIVATE KEY" in line for line in told):
        raise UsageError(
            f"{trust} is no public key and no list of signers",
            hint="name KEY.pub, or a file as ALLOWED SIGNERS in `man ssh-keygen` has it",
        )
    rows = (f"{_ANYBODY} {line}" if _KEY_TYPE.match(line) else line for line in told)
    return "\n".join(rows) + "\n"
