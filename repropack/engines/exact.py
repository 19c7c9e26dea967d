"""A base whose Python has the very patch version that the project pins, where it can be had.

Owns: trying, not asking again for a day what nobody had, and saying so. Does not own: how a base is
made (`base`).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path

from repropack.engines.base import BaseSpec, provide_base
from repropack.engines.model import Engine, Image
from repropack.errors import TemporaryError
from repropack.progress import Reporter
from repropack.tables import debian_python

ASK_AGAIN_S = 86_400


def provide_wanted(
    engine: Engine,
    spec: BaseSpec,
    version: str | None,
    *,
    allow_pull: bool,
    reporter: Reporter,
    cache: Path,
) -> tuple[BaseSpec, Image]:
    """The base with this version of Python where a registry or uv has it, else with another patch
    version, and its spec. An archive that is given (`spec.managed`) is taken as it is.

    Raises what `provide_base` raises.
    """
    detail = reporter.detail
    if version is not None and spec.managed is None:
        exact, mark = replace(spec, exact=version), cache / "pythons" / f"{version}.absent"
        if not asked_lately(mark):
            try:
                return exact, provide_base(
                    engine, exact, allow_pull=allow_pull, progress=detail, cache=cache, keep=True
                )
            except TemporaryError as error:
                detail(error.what)
                with contextlib.suppress(OSError):
                    mark.parent.mkdir(parents=True, exist_ok=True)
                    mark.touch()
        other = debian_python(spec.suite) if spec.is_debians else f"another {spec.python}"
        reporter.note(f"Python {version} cannot be had here: the base has {other}")
    base = provide_base(
        engine, spec, allow_pull=allow_pull, progress=detail, cache=cache, keep=True
    )
    return spec, base


def asked_lately(mark: Path) -> bool:
    """Whether nobody had a version within the last day."""
    with contextlib.suppress(OSError):
        return time.time() - mark.stat().st_mtime < ASK_AGAIN_S
    return False
