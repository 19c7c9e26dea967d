"""Verifications for tests of the report: directories as `verify` leaves them, made without runs."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from repropack.judge import report
from repropack.judge.claim import Claim, MetricRef, Spread, parse_metric_ref, parse_tolerance
from repropack.judge.expand import expand_all
from repropack.judge.model import RECORD_SCHEMA, Experiment, Metric, RunSpec
from repropack.judge.rule import judge_all

Record = dict[str, Any]
ACCURACY = Metric(name="accuracy", reader="json", path="results.json", key="test.accuracy")
LOSS = Metric(name="loss", reader="stdout", path="", key="loss ([0-9.]+)")
MEANS = {"none": 0.931, "se": 0.9392, "eca": 0.9424}
NET = Experiment(
    name="net",
    run="python train.py --attention {attention} --lr {lr} --seed {seed}",
    metrics=(ACCURACY, LOSS),
    seeds=(0, 1, 2, 3, 4),
    matrix=(("attention", ("none", "se", "eca")), ("lr", ("0.01", "0.1"))),
    outputs=("plots/*.png",),
)


def ref(text: str) -> MetricRef:
    """`net.accuracy{attention=eca}` as a value."""
    return parse_metric_ref(text)


def value(name: str, metric: str, printed: str, **rest: Any) -> Claim:
    """A claim in per cent, with a tolerance of half a point."""
    settings: dict[str, Any] = {"tolerance": parse_tolerance("0.5"), "scale": "percent", **rest}
    return Claim(id=name, kind="value", metric=ref(metric), value=printed, **settings)


CLAIMS = (
    value("eca-accuracy", "net.accuracy{attention=eca,lr=0.1}", "94.0", source="Table 1, row 3",
          spread=Spread("sd", 0.2, 5)),
    value("plain-accuracy", "net.accuracy{attention=none,lr=0.1}", "93.1", source="Table 1, row 1"),
    value("plain-slow", "net.accuracy{attention=none,lr=0.01}", "94.6", source="Section 4.2"),
    Claim(id="eca-helps", kind="greater", source="Section 4.1",
          compared=(ref("net.accuracy{attention=eca}"), ref("net.accuracy{attention=none}"))),
    Claim(id="eca-first", kind="rank_first", source="Table 1",
          compared=tuple(ref(f"net.accuracy{{attention={each}}}") for each in reversed(MEANS))),
    Claim(id="table-2", kind="table", source="Table 2", cells=tuple(
        value(f"attention={name}, lr={lr}", f"net.accuracy{{attention={name},lr={lr}}}",
              f"{100 * mean - (lr == '0.01') * 0.6:.1f}")
        for name, mean in MEANS.items() for lr in ("0.01", "0.1"))),
)  # fmt: skip


def record(spec: RunSpec, accuracy: float, *, epochs: int = 20, telemetry: bool = True) -> Record:
    """What a run of the net leaves: metrics with their histories, and what it took."""
    draw = random.Random(spec.id)
    noise = [draw.gauss(0, 0.02) for _ in range(2 * epochs)]
    curve = [
        [e + 1, round(accuracy - (0.4 + 3 * noise[e]) * math.exp(-e / 4) + noise[-e] / 9, 6)]
        for e in range(epochs)
    ]
    losses = [
        [e + 1, round(0.05 + (2 + 9 * noise[-e]) * math.exp(-e / 3) + abs(noise[e]) / 3, 6)]
        for e in range(epochs)
    ]
    found = {"file": "results.json", "where": "key test.accuracy", "reason": ""}
    return {
        "schema": RECORD_SCHEMA, "id": spec.id, "experiment": spec.experiment, "seed": spec.seed,
        "params": dict(spec.params), "command": spec.command, "status": "ok", "reason": "",
        "env": {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2"}, "exit_code": 0, "signal": None,
        "seconds": 61.5, "cpu_seconds": 118.2, "peak_rss_bytes": 1_075_318_784,
        "peak_cgroup_bytes": 808_448_000, "notes": [], "skipped": [],
        "hardware": {"cpu": "Example CPU", "cores": 8, "memory_bytes": 25_276_502_016,
                     "kernel": "Linux 6.1", "machine": "x86_64", "python": "3.11.2"},
        "facts": {"commit": "5" * 40, "engine": "docker 27.1", "gpu": "none",
                  "image_id": "sha256:" + "d" * 64},
        "metrics": {
            "accuracy": {"text": repr(accuracy), "value": accuracy, **found,
                         "history": {"axis": "epoch", "points": curve}},
            "loss": {"text": repr(losses[-1][1]), "value": losses[-1][1], **found,
                     "history": {"axis": "epoch", "points": losses}},
        },
        "outputs": [], "log": {"path": "log.txt", "size_bytes": 9, "complete": True, "problem": "",
                               "tail": ["epoch 20/20", f"test accuracy {100 * accuracy:.2f} %"]},
    }  # fmt: skip


def records(experiment: Experiment = NET, *, seed: int = 0, **rest: Any) -> Iterator[Record]:
    """A record for each run, the same for the same seed."""
    draw = random.Random(seed)
    for spec in expand_all([experiment]):
        params = dict(spec.params)
        mean = MEANS.get(params.get("attention", ""), 0.93)
        mean -= 0.006 if params.get("lr") == "0.01" else 0
        yield record(spec, round(draw.gauss(mean, 0.0016), 6), **rest)


def failed(found: Record, tail: Sequence[str], *, code: int = 1) -> Record:
    """The same run, had it ended with these lines."""
    return {
        **found, "status": "failed", "reason": f"exited with code {code}", "exit_code": code,
        "metrics": {}, "log": {**found["log"], "tail": list(tail)},
    }  # fmt: skip


def telemetry(seconds: int = 60) -> Record:
    """Samples of a run, one each two seconds."""
    return {
        "schema": "repropack.telemetry/1",
        "columns": ["seconds", "cpu_seconds", "memory_bytes", "written_bytes", "received_bytes",
                    "gpu_utilization", "gpu_power_watts"],
        "rows": [
            [t, 1.8 * t + 0.4 * math.sin(t / 4), 4e8 + 6e6 * t, 1e6 * (t // 10), None,
             min(0.96, 0.04 * t), 60.0 + t]
            for t in range(0, seconds, 2)
        ],
    }  # fmt: skip


def png(width: int = 96, height: int = 64, *, shade: int = 90) -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(
        b"\0" + bytes((shade + (x * y) // 40) % 256 for x in range(width)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


ENVIRONMENT = {
    "project": {"name": "net", "commit": "5" * 40},
    "libraries": {"numpy": "1.26.4", "torch": "2.4.1", "torchvision": "0.19.1"},
    "CUDA, cuDNN, BLAS": {"CUDA": "12.1", "cuDNN": "9.1.0", "BLAS": "inside the wheels"},
    "operating system": {"base": "repropack/base:bookworm-py3.11", "suite": "bookworm"},
    "driver": {"NVIDIA": "none"},
    "GPU": {"in the machine": "none"},
    "engine": {"engine": "docker 27.1"},
}


def write(
    directory: Path,
    found: Sequence[Record],
    *,
    experiments: Sequence[Experiment] = (NET,),
    claims: Sequence[Claim] = CLAIMS,
    name: str = "net",
    environment: Any = None,
    **rest: Any,
) -> Path:
    """A verification's directory: report.json, and the record of each run."""
    assessment = judge_all(experiments, claims, found, name=name, logs="runs")
    assessment = replace(assessment, notes=(*assessment.notes, *rest.pop("notes", ())))
    for each in found:
        run = directory / "runs" / each["id"]
        run.mkdir(parents=True, exist_ok=True)
        (run / "record.json").write_text(json.dumps(each), "utf-8")
    saved = report.as_dict(assessment) | {
        "commit": "5" * 40,
        "image": {"tag": f"repropack/{name}:555555555555", "id": "sha256:" + "d" * 64},
        "engine": {"name": "docker", "version": "27.1"},
        "environment": ENVIRONMENT if environment is None else environment,
        **rest,
    }
    (directory / "report.json").write_text(json.dumps(saved), "utf-8")
    return directory


def with_image(directory: Path, found: Record, path: str, data: bytes, digest: str) -> None:
    """Add an output to a record, and its file to the run's directory."""
    file = directory / "runs" / found["id"] / "outputs" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    found["outputs"].append(
        {"path": path, "size_bytes": len(data), "sha256": digest, "fresh": True}
    )


def sample(directory: Path) -> Path:
    """A verification with one of everything: curves, samples, images, and a run that failed."""
    found = list(records())
    found[7] = failed(
        found[7],
        ["Traceback (most recent call last):", '  File "train.py", line 88, in <module>',
         "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"],
    )  # fmt: skip
    for i, each in enumerate(found[:3]):
        with_image(directory, each, "plots/confusion.png", png(shade=60 + 40 * i), str(i))
    for each in found[:4]:
        run = directory / "runs" / each["id"]
        run.mkdir(parents=True, exist_ok=True)
        (run / "telemetry.json").write_text(json.dumps(telemetry()), "utf-8")
    return write(directory, found)
