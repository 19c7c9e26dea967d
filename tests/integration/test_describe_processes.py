"""`data footprint --describe`: as a command, and with several processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.driver import repropack

N_IMAGES = 300


def test_any_number_of_processes(tmp_path: Path) -> None:
    """One process and three give the same description to the last digit, which is NumPy's."""
    random = np.random.default_rng(0)
    values = random.integers(0, 256, (N_IMAGES, 12, 10, 3), dtype=np.uint8)
    for number, image in enumerate(values):
        path = tmp_path / f"d/train/{'ab'[number % 2]}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    (tmp_path / "d/train/a/0000.png").write_bytes(b"no image")
    env: dict[str, str | None] = {"REPROPACK_CACHE": str(tmp_path / "cache")}
    told = []
    for jobs in ("1", "3"):
        command = ("data", "footprint", "d", "-o", "f.json", "--describe", "--jobs", jobs)
        done = repropack(*command, "--json", cwd=tmp_path, env=env)
        assert done.code == 0, done.said
        told.append(json.loads(done.out)["description"])
    assert told[0] == told[1]
    (channels,) = told[0]["channels"]
    pixels = values.reshape(-1, 3) / 255
    np.testing.assert_allclose(channels["mean"], pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(channels["std"], pixels.std(axis=0), rtol=1e-12)
    assert [each["path"] for each in told[0]["problems"]] == ["train/a/0000.png"]
    done = repropack(*command, cwd=tmp_path, env=env)
    assert "  a: 151" in done.out.splitlines(), done.said
    assert "layout: split/class/file" in done.out
