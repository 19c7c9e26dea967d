"""What was resolved for a bundle, as a file that its author can commit: the lock beside the bundle.

Owns: its name and its text, which pip, uv and repropack read. Does not own: the bundle's own
`pylock.toml` (`environment`), which has the chosen wheels alone.
"""

from __future__ import annotations

from pathlib import Path

from repropack.environment import Kind, Lock, Requirement
from repropack.environment.condamodel import is_local
from repropack.errors import BuildError
from repropack.plan import Plan
from repropack.workspace import write_atomically

#: What inspection prefers to a file without hashes, and so the name to commit it under.
COMMITTED = "requirements.lock"
CONDA_COMMITTED = "conda-lock.yml"
OURS = "# This file was made by repropack"


def lock_beside(out: Path, name: str = COMMITTED) -> Path:
    """Where the lock of a bundle goes: `artifact.requirements.lock` beside `artifact`."""
    return out.with_name(f"{out.name}.{name}")


def committed_name(path: Path) -> str:
    """The name under which a lock that was written beside a bundle is to be committed."""
    return CONDA_COMMITTED if path.name.endswith(CONDA_COMMITTED) else COMMITTED


def keep_lock(plan: Plan, out: Path) -> Path | None:
    """Write what was resolved for a bundle beside it; None where the project has its own lock.

    A file of that name that is somebody else's stays as it is. Raises `BuildError`.
    """
    is_conda = plan.lock.conda is not None
    path = lock_beside(out, CONDA_COMMITTED if is_conda else COMMITTED)
    try:
        if path.exists() and not path.read_bytes().startswith(OURS.encode()):
            return None
        text = conda_text(plan, out) if is_conda else lock_text(plan.lock, plan.python)
        if plan.lock.as_of is None or not text:
            path.unlink(missing_ok=True)
            return None
        write_atomically(path, text)
    except OSError as error:
        raise BuildError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def conda_text(plan: Plan, out: Path) -> str:
    """The bundle's conda-lock.yml, if it is the whole environment and means the same elsewhere.

    pip's part has no addresses, which that format demands.
    """
    packages = plan.lock.conda.packages if plan.lock.conda else ()
    if plan.lock.requirements or any(is_local(package.url) for package in packages):
        return ""
    head = f"{OURS}.\n# To keep these versions, commit it as {CONDA_COMMITTED}.\n"
    return head + (out / CONDA_COMMITTED).read_text("utf-8")


def lock_text(lock: Lock, python: str) -> str:
    """Requirements with hashes, sorted; the Python that they are for is read back from it.

    Nothing where there is none.
    """
    if not lock.requirements:
        return ""
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
    """One requirement with all its hashes, or with the place that it is built from."""
    origin = item.origin
    if origin is not None and origin.kind is Kind.DIRECTORY:
        return f"-e ./{'' if origin.path == '.' else origin.path}"
    if origin is not None and origin.kind is Kind.FILE:
        return f"./{origin.path}"
    if origin is not None and origin.kind is Kind.GIT:
        inside = f"#subdirectory={origin.path}" if origin.path else ""
        return f"{item.name} @ git+{origin.url}@{origin.commit}{inside}"
    marker = f" ; {item.marker}" if item.marker else ""
    return " \\\n    ".join([f"{item}{marker}", *(f"--hash={value}" for value in item.hashes)])


def is_public(url: str) -> bool:
    """An address without credentials and without variables; the others stay with the manifest."""
    return "@" not in url and "$" not in url and url.startswith(("http://", "https://"))
