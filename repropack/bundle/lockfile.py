"""What was resolved for a bundle, as a file that its author can commit: the lock beside the bundle.

Owns: its name and its text, which pip, uv and repropack read. Does not own: the bundle's own
`pylock.toml` (`environment`), which has the chosen wheels alone.
"""

from __future__ import annotations

from pathlib import Path

from repropack.environment import Lock, Requirement
from repropack.errors import BuildError
from repropack.plan import Plan
from repropack.workspace import write_atomically

#: What inspection prefers to a file without hashes, and so the name to commit it under.
COMMITTED = "requirements.lock"
OURS = "# This file was made by repropack"


def lock_beside(out: Path) -> Path:
    """Where the lock of a bundle goes: `artifact.requirements.lock` beside `artifact`."""
    return out.with_name(f"{out.name}.{COMMITTED}")


def keep_lock(plan: Plan, out: Path) -> Path | None:
    """Write what was resolved for a bundle beside it; None where the project has its own lock.

    A file of that name that is somebody else's stays as it is. Raises `BuildError`.
    """
    path = lock_beside(out)
    try:
        if path.exists() and not path.read_bytes().startswith(OURS.encode()):
            return None
        if plan.lock.as_of is None or not plan.lock.requirements:
            path.unlink(missing_ok=True)
            return None
        write_atomically(path, lock_text(plan.lock, plan.python))
    except OSError as error:
        raise BuildError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def lock_text(lock: Lock, python: str) -> str:
    """Requirements with hashes, sorted; the Python that they are for is read back from it."""
    because = "".join(c if c.isprintable() else "?" for c in lock.because)
    head = [
        f"{OURS} with Python {python}: {because}.",
        f"# To keep these versions, commit it as {COMMITTED}.",
        *(f"--extra-index-url {url}" for url in lock.indexes if is_public(url)),
        *(f"--find-links {url}" for url in lock.find_links if is_public(url)),
    ]
    ordered = sorted(lock.requirements, key=lambda item: item.name)
    return "\n".join([*head, *map(requirement_text, ordered)]) + "\n"


def requirement_text(item: Requirement) -> str:
    """One requirement with all its hashes."""
    marker = f" ; {item.marker}" if item.marker else ""
    return " \\\n    ".join([f"{item}{marker}", *(f"--hash={value}" for value in item.hashes)])


def is_public(url: str) -> bool:
    """An address without credentials and without variables; the others stay with the manifest."""
    return "@" not in url and "$" not in url and url.startswith(("http://", "https://"))
