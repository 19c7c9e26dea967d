"""Where the files are that repropack carries along: templates, Dockerfile.base and base.sh.

A wheel has them in `repropack/_assets`, a checkout beside the package. The wheel's come first, so
that a foreign `templates` directory beside an installed package never wins.
Owns: finding them. Does not own: what is done with them (`bundle`, `engines`).
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Return the directory that holds `templates/` and `Dockerfile.base`."""
    bundled = _PACKAGE / "_assets"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def templates() -> Path:
    """Return the directory of the templates."""
    return root() / "templates"


def dockerfile_base() -> Path:
    """Return the Dockerfile of a bootstrapped base."""
    return root() / "Dockerfile.base"


def base_script() -> Path:
    """Return the shell script that bootstraps a base's root file system."""
    return templates() / "base.sh"


def base_files() -> dict[str, bytes]:
    """Return the files that a bundle carries to bootstrap its base, by their name in the bundle."""
    return {path.name: path.read_bytes() for path in (dockerfile_base(), base_script())}
