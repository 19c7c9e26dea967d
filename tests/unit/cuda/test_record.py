"""A bundle carries the CUDA plan: what is read back compares like what was written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from repropack.cuda import Host, HostGpu, cuda_of, record
from repropack.cuda.compare import compare
from repropack.errors import InvalidError

from .locks import lock

LOCKS = [
    "torch==2.14.1 cuda-toolkit==13.0.3 nvidia-cudnn-cu13==9.24.0.43",
    "torch==2.7.0+cu128",
    "tensorflow==2.12.0",
    "cupy-cuda12x==13.0.0",
    "torch==2.4.1+cpu",
    "torch==2.16.0",
    "numpy==2.3.0",
]


@pytest.mark.parametrize("text", LOCKS)
def test_round_trip(text: str) -> None:
    """The facts and the comparison with a machine survive JSON."""
    plan = cuda_of(lock(text))
    read = record.from_dict(json.loads(json.dumps(record.as_dict(plan))))
    assert read.facts == plan.facts
    for capability, driver in (("3.7", "470.1"), ("8.6", "535.1"), ("12.0", "580.1")):
        one = HostGpu(name="GPU", compute_capability=capability, driver_version=driver)
        host = Host(gpus=(one,), gpu_runtime="nvidia")
        assert compare(read, host) == compare(plan, host)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "perhaps"},
        {"cuda": None},
        {"cuda": {"value": 13, "because": ""}},
        {"builds": None},
        {"builds": [{}]},
        {"driver": []},
    ],
)
def test_nonsense_is_refused(change: dict[str, Any]) -> None:
    """What is no plan is refused with a hint, not with a stack trace."""
    good = record.as_dict(cuda_of(lock("torch==2.14.1")))
    with pytest.raises(InvalidError) as refusal:
        record.from_dict({**good, **change})
    assert refusal.value.hint
    with pytest.raises(InvalidError):
        record.from_dict({})
