"""Runs the sleeping probe as a program of its own, so that a test can send it a real SIGINT.

usage: interruptible.py docker|podman|venv TAG DIRECTORY [VENV_ROOT]
"""

from __future__ import annotations

import sys
from pathlib import Path

from repropack.engines import Engine
from repropack.engines.docker import DockerEngine
from repropack.engines.podman import PodmanEngine
from repropack.engines.venv import VenvEngine
from tests.integration.engine_bundle import order


def main() -> None:
    """Run, show the progress, and end with how the run ended."""
    name, tag, directory, *root = sys.argv[1:]
    engine: Engine
    if name == "venv":
        engine = VenvEngine(directory=Path(root[0]))
    else:
        engine = DockerEngine() if name == "docker" else PodmanEngine()
    image = engine.image(tag)
    assert image is not None
    result = engine.run(
        order(image, "sleep", Path(directory)), lambda line: print(line, flush=True)
    )
    print(f"status={result.status} reason={result.reason}", flush=True)


if __name__ == "__main__":
    main()
