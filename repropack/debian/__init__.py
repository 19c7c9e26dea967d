"""Debian packages: which an environment needs, and which a base is made of.

Owns: the table of Python distributions → Debian packages (`table`) and what follows from it for a
lock (`needs`). Does not own: the base (`engines`), or which Debian release it is (`plan`).

    needs = system_packages(lock, suite="bookworm", asked=choices, excluded=("libgl1",))
    names = build_packages(("pycairo",), suite="bookworm")    # to compile what has no wheel
"""

from repropack.debian.needs import SystemPackages, build_packages, system_packages

__all__ = ["SystemPackages", "build_packages", "system_packages"]
