"""Configs that tests change, and what is wrong with one."""

from __future__ import annotations

import pytest

from repropack.config import parse_config
from repropack.errors import ConfigError


def problems_of(text: str | bytes) -> tuple[str, ...]:
    """The problems of a config that is refused."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value.problems


def with_experiment(*lines: str) -> str:
    """A config whose experiment `a` has these lines beside `run`."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"experiments:\n  a:\n    run: python a.py\n{body}\n"


def with_claim(*lines: str) -> str:
    """A config with one claim, of these lines, about `a.m` and `grid.m{lr=…}`."""
    body = "\n    ".join(lines)
    return f"""experiments:
  a:
    run: python a.py
    metrics: {{m: {{json: r.json, key: m}}}}
  grid:
    run: python a.py {{lr}} {{opt}}
    matrix: {{lr: [0.1, 1e-3], opt: [sgd]}}
    metrics: {{m: {{json: r.json, key: m}}}}
claims:
  - id: c
    {body}
"""
