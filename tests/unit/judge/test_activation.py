"""The variables of an activated conda environment, read and added to an experiment's."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.judge import activation


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"A": "1", "B": 2, "C=": "x"}', {"A": "1"}),
        ("[1]", {}),
        ("not JSON", {}),
        (None, {}),
    ],
)
def test_reading(tmp_path: Path, text: str | None, found: dict[str, str]) -> None:
    """Texts are taken; anything else in the file, or no file, sets nothing."""
    if text is not None:
        path = tmp_path / activation.FILE
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert activation.variables(str(tmp_path)) == found


def test_what_is_set_already_stays() -> None:
    """The image's and the experiment's variables win; directories are put in front of PATH."""
    env = {"PATH": "/opt/env/bin:/usr/bin", "LANG": "C.UTF-8"}
    more = {"PATH": "/opt/env/tool:/opt/env/bin:/bin", "LANG": "de_DE.UTF-8", "GDAL_DATA": "/g"}
    assert activation.added(env, more) == {
        "PATH": "/opt/env/tool:/bin:/opt/env/bin:/usr/bin",
        "LANG": "C.UTF-8",
        "GDAL_DATA": "/g",
    }
    assert activation.added(env, {}) == env
