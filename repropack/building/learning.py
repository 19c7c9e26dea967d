"""What a project needs, where only running its build script tells: asked in a container.

Owns: that build, and refusing it where there is no container. Does not own: the build itself
(`making`), reading what can be read (`environment`).
"""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path

from repropack.building.making import make_all
from repropack.environment import Kind, Lock, Origin, wheel_path
from repropack.environment.learned import Learned
from repropack.environment.origins import unbuilt
from repropack.errors import BuildError, ComputedError, NoEngineError
from repropack.findings import Where
from repropack.plan import Base
from repropack.progress import Reporter
from repropack.project import Looked
from repropack.settings import Settings
from repropack.workshop import Workshop, open_workshop

NOT_HERE = "write the dependencies into a requirements.txt, and name it in repropack.yaml"


def open_for(
    computed: ComputedError, base: Base, settings: Settings, reporter: Reporter
) -> Workshop:
    """An engine that has containers. Raises `ComputedError` where there is none."""
    if settings.engine == "venv":
        raise refused(computed, "the venv engine has no container to run it in")
    try:
        return open_workshop(base.need, settings=settings, reporter=reporter)
    except NoEngineError as error:
        raise refused(computed, f"it is run in a container alone, and {error.what}") from error


def refused(computed: ComputedError, reason: str) -> ComputedError:
    """The error with the reason why the script is not run."""
    return ComputedError(f"{computed.what}; {reason}", path=computed.path, hint=NOT_HERE)


def learned(looked: Looked, workshop: Workshop, computed: ComputedError) -> Learned:
    """The metadata of an editable install of the project, made without a network."""
    where = Where(path=computed.path)
    directory = posixpath.dirname(computed.path) or "."
    item = unbuilt("project", "", Origin(kind=Kind.DIRECTORY, path=directory), where)
    lock = Lock(requirements=(item,), origin=computed.path, because=computed.what)
    made, _ = make_all(
        lock, source=looked.source, workshop=workshop, target=workshop.target, all_files=True
    )
    (editable,) = made.editables
    because = (
        f"{computed.what}; so it was run, in a container without a network, and said that it needs "
    )
    said = Learned.of(metadata_of(wheel_path(workshop.settings.cache, editable.wheel)), because)
    names = ", ".join(said.requires[:5]) + (", …" if len(said.requires) > 5 else "")
    return Learned(
        requires=said.requires, extras=said.extras, because=f"{because}{names or 'nothing'}"
    )


def metadata_of(wheel: Path) -> str:
    """The METADATA of a wheel. Raises `BuildError` where it has none."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/METADATA") and name.count("/") == 1:
                return archive.read(name).decode("utf-8", "replace")
    raise BuildError(f"{wheel.name} has no metadata", hint=NOT_HERE)
