"""pip, but for one thing: of a source distribution nothing is executed. Run as a program.

pip asks a source distribution for its metadata before it saves the file, which runs the
distribution's own code. Here the answer comes from what was asked for. Everything else is pip's:
indexes, proxies, certificates, passwords, hashes.

    python -P unbuilt.py download --no-deps …          with PINS in the environment: {name: version}

Owns: that one change. Does not own: the command line (`downloading`).
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from typing import Any

PINS = "REPROPACK_PINS"
#: What pip must have for the change to take; where it has not, nothing is downloaded.
NEEDED = ("prepare_distribution_metadata", "get_metadata_distribution")


def metadata(name: str, version: str) -> Any:
    """A distribution of that name and version that asks for nothing."""
    from pip._internal.metadata import get_wheel_distribution
    from pip._internal.metadata.base import MemoryWheel
    from pip._vendor.packaging.utils import canonicalize_name

    info = f"{name.replace('-', '_')}-{version}.dist-info"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
    data.seek(0)
    wheel: Any = MemoryWheel(f"{info}.whl", data)
    return get_wheel_distribution(wheel, canonicalize_name(name))


def main() -> int:
    """pip's own main, with the change."""
    from pip._internal.cli.main import main as pip
    from pip._internal.distributions.sdist import SourceDistribution

    if not all(hasattr(SourceDistribution, name) for name in NEEDED):
        print("ERROR: this pip cannot be kept from running code of source distributions")
        return 3
    pins = json.loads(os.environ.pop(PINS))

    def prepare(self: Any, *_: object, **__: object) -> None:
        """Nothing is executed."""

    def distribution(self: Any) -> Any:
        name = self.req.name or ""
        key = name.lower().replace("_", "-").replace(".", "-")
        return metadata(name, pins.get(key, "0"))

    for name, change in zip(NEEDED, (prepare, distribution), strict=True):
        setattr(SourceDistribution, name, change)
    return pip(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
