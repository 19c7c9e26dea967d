"""What a run takes of the machine, sampled beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from repropack.judge import telemetry
from repropack.judge.nvml import Gpus
from repropack.judge.telemetry import COLUMNS, Sampler, descendants

BUSY = """
import os, pathlib, time
block = bytearray(60 << 20)
for i in range(0, len(block), 4096):
    block[i] = 1
with open("written", "wb") as file:
    file.write(block[: 8 << 20]); file.flush(); os.fsync(file.fileno())
end = time.process_time() + 0.6
while time.process_time() < end:
    pass
time.sleep(0.3)
"""


def column(found: dict[str, Any], name: str) -> list[float]:
    """One column of the samples."""
    return [row[COLUMNS.index(name)] for row in found["rows"]]


def test_what_a_process_takes_is_seen(tmp_path: Path) -> None:
    """CPU time, memory and bytes written of a grandchild are in the samples."""
    sampler = Sampler(gpu=False, network=False, interval_s=0.05)
    sampler.start()
    subprocess.run(["sh", "-c", f"{sys.executable} -c '{BUSY}'; true"], cwd=tmp_path, check=True)
    found = sampler.stop()
    assert column(found, "seconds") == sorted(column(found, "seconds"))
    assert 0.4 < max(column(found, "cpu_seconds")) < 5.0
    assert max(column(found, "memory_bytes")) > 60 << 20
    assert max(column(found, "written_bytes")) >= 8 << 20
    assert column(found, "received_bytes")[0] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_cpu_time_is_kept_when_a_process_ends(tmp_path: Path) -> None:
    """The time of children that have ended still counts, so that the sum never falls."""
    sampler = Sampler(gpu=False, network=False, interval_s=0.05)
    sampler.start()
    for _ in range(3):
        subprocess.run([sys.executable, "-c", BUSY], cwd=tmp_path, check=True)
    seconds = column(sampler.stop(), "cpu_seconds")
    assert seconds == sorted(seconds) and seconds[-1] > 1.2


def test_long_runs_have_no_more_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are too many samples every second one goes, and fewer are taken."""
    monkeypatch.setattr(telemetry, "MOST_SAMPLES", 10)
    sampler = Sampler(gpu=False, network=False, interval_s=0.01)
    sampler.start()
    time.sleep(1.0)
    found = sampler.stop()
    assert 3 <= len(found["rows"]) <= 11 and found["interval_s"] > 0.02


def test_sampling_costs_less_than_one_per_cent() -> None:
    """At one sample a second, the time that a sample takes is below 10 ms."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        sampler = Sampler(gpu=True, network=True, interval_s=0.02)
        sampler.start()
        time.sleep(1.0)
        found = sampler.stop()
    finally:
        child.kill()
        child.wait()
    assert found["overhead_seconds"] / len(found["rows"]) < 0.01


def test_descendants() -> None:
    """Children of children are found, and nobody else."""
    child = subprocess.Popen(["sh", "-c", "sleep 30 & echo $!; wait"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    try:
        assert {child.pid, grandchild} == set(descendants(child.pid)) | {child.pid}
    finally:
        subprocess.run(["kill", str(grandchild)], check=True)
        child.communicate()


NVML = r"""
#include <string.h>
typedef struct { unsigned gpu, memory; } rates_t;
typedef struct { unsigned long long total, free, used; } memory_t;
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle)
{ *handle = (void *)(unsigned long)(0x7fff00000000 + index); return 0; }
static int is(void *handle, unsigned index)
{ return handle == (void *)(unsigned long)(0x7fff00000000 + index); }
int nvmlDeviceGetName(void *handle, char *name, unsigned length)
{ strncpy(name, is(handle, 0) ? "First" : "Second", length); return 0; }
int nvmlDeviceGetUtilizationRates(void *handle, rates_t *rates)
{ rates->gpu = is(handle, 0) ? 100 : 50; rates->memory = 1; return 0; }
int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory)
{ memory->total = 1ull << 37; memory->free = 1; memory->used = 1ull << 33; return 0; }
int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts)
{ if (!is(handle, 0)) return 3; *milliwatts = 250500; return 0; }
"""


def test_gpus_are_asked_as_the_library_wants_it(tmp_path: Path) -> None:
    """A library with NVML's functions is called with their types; what a GPU lacks is left out."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "nvml.c").write_text(NVML)
    library = tmp_path / "libnvml.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "nvml.c"], check=True)
    gpus = Gpus(str(library))
    assert gpus.names == ("First", "Second")
    assert gpus.sample() == (0.75, float(1 << 34), 250.5)
    gpus.close()


def test_without_a_driver_there_are_no_gpus() -> None:
    """A machine without NVIDIA's library has no GPU, and no error."""
    gpus = Gpus("libthere-is-none.so.1")
    assert gpus.names == () and gpus.sample() == (None, None, None)
    gpus.close()
