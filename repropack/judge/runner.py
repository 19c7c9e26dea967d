"""One run: start it, watch it, read what it wrote, and leave a record whatever happened.

Owns: `record.json`, `log.txt` and `outputs/` of a run. Does not own: containers and scratch
copies (the engines), what the numbers mean (`rule`).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import resource
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from repropack.judge import (
    activation,
    collect,
    expand,
    files,
    hardware,
    logfile,
    processes,
    telemetry,
    written,
)
from repropack.judge.model import RECORD_SCHEMA, Experiment, RunSpec
from repropack.judge.processes import Ending, StopRequest
from repropack.judge.runlog import Progress, Reserve, RunLog

# Engines give a container 10 s between SIGTERM and SIGKILL; the record must be written by then.
GRACE_S = 5.0
_MATTERS = re.compile(
    r"(?:OMP|MKL|OPENBLAS|BLIS|NUMEXPR|VECLIB|RAYON|TBB|NUMBA|POLARS)_[A-Z_]*THREADS"
    r"|(?:OMP|KMP|GOMP|MKL|OPENBLAS|CUBLAS|CUDNN|NCCL|TF|XLA|JAX|TORCH|TORCHINDUCTOR|PYTORCH|MALLOC)_"
    r"[A-Z0-9_]+|(?:CUDA|NVIDIA)_(?:VISIBLE_DEVICES|LAUNCH_BLOCKING|TF32_OVERRIDE|DEVICE_ORDER)"
    r"|PYTHON(?:HASHSEED|OPTIMIZE|MALLOC)|LD_PRELOAD|LANG|LC_[A-Z]+|TZ|SOURCE_DATE_EPOCH"
)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class _Measured:
    """What the clock and the kernel say about a run."""

    start: str
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    peak_cgroup_bytes: Optional[int]
    oom_killed: bool
    samples: Dict[str, Any]


def execute(
    experiment: Experiment,
    spec: RunSpec,
    cwd: str,
    out: str,
    facts: Mapping[str, str],
    *,
    grace_s: float = GRACE_S,
    show: Optional[Callable[[str], None]] = None,
) -> Dict[str, Any]:
    """Run `spec` in `cwd`; write OUT/record.json, OUT/log.txt, OUT/outputs/; return the record.

    SIGTERM, SIGINT and SIGHUP stop the experiment, and the record says so. OSError when not even
    the record can be written.
    """
    _clear(out)
    experiment = expand.for_run(experiment, spec)
    reserve = Reserve(os.path.join(out, ".reserve"))
    progress = Progress(show)
    log = RunLog(os.path.join(out, "log.txt"), progress)
    with _stop_requests() as stop:
        before = collect.snapshot(experiment, cwd)
        since_s = time.time()
        ending, measured = _run(experiment, spec, cwd, grace_s, stop, log)
        log.close()
        progress.flush()
        record = _record(experiment, spec, ending, measured, stop)
        record["facts"] = dict(facts)
        readings = collect.read_metrics(experiment, cwd, log.path, log.problem, before)
        record["metrics"] = {reading.name: reading.to_json() for reading in readings}
        record["notes"] += collect.older_notes(readings)
        record["outputs"], record["skipped"] = collect.collect_outputs(experiment, cwd, out, before)
        if not stop.count:  # a stopped run has seconds to write its record, and this may take some
            record["written_bytes"] = written.written_bytes(cwd, since_s)
        record["log"] = _log_json(log)
        sizes = [each["size_bytes"] for each in record["outputs"]]
        record["kept_bytes"] = sum(sizes, log.size_bytes)
        record["notes"] += ["the log %s" % log.problem] if log.problem else []
        reserve.release()
        _write_samples(os.path.join(out, "telemetry.json"), measured.samples)
        _write_record(os.path.join(out, "record.json"), record)
    return record


def _clear(out: str) -> None:
    """Make the directory; nothing of an earlier attempt may pass for a result of this one."""
    os.makedirs(out, exist_ok=True)
    for name in ("record.json", "telemetry.json"):
        files.remove(os.path.join(out, name))
    shutil.rmtree(os.path.join(out, "outputs"), ignore_errors=True)


def _run(
    experiment: Experiment,
    spec: RunSpec,
    cwd: str,
    grace_s: float,
    stop: StopRequest,
    log: RunLog,
) -> "tuple[Ending, _Measured]":
    group = hardware.ControlGroup()
    start, begin_s, kills = _utc_now(), time.monotonic(), group.oom_kills()
    held_before = group.peak_bytes() or 0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = environment(experiment)
    sampler = telemetry.Sampler(gpu=experiment.gpu != "none", network=experiment.network)
    sampler.start()
    try:
        ending = processes.run(
            spec.command, cwd, env, experiment.timeout_s, grace_s, stop, log.write
        )
    finally:
        samples = sampler.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return ending, _Measured(
        start=start,
        seconds=round(time.monotonic() - begin_s, 3),
        cpu_seconds=round(cpu_seconds, 3),
        peak_rss_bytes=after.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        peak_cgroup_bytes=_grown(group.peak_bytes(), held_before),
        oom_killed=group.oom_kills() > kills,
        samples=samples,
    )


def _grown(peak_bytes: Optional[int], before: int) -> Optional[int]:
    """The peak of the group, if the run made it: without a container, others made it before."""
    return peak_bytes if peak_bytes is not None and peak_bytes > before else None


def environment(experiment: Experiment) -> Dict[str, str]:
    """The variables that the experiment gets: those of this process, what conda's packages set
    when their environment is activated, and its own on top.
    """
    env = activation.added(os.environ, activation.variables())
    env["PYTHONHASHSEED"] = _hash_seed()
    env.update(experiment.env)
    return env


def variables(env: Mapping[str, str]) -> Dict[str, str]:
    """Those that can change what is computed: threads, arithmetic, devices, seeds, languages."""
    return {name: files.printable(env[name]) for name in sorted(env) if _MATTERS.fullmatch(name)}


def _hash_seed() -> str:
    return os.environ.get("PYTHONHASHSEED", "0")


def _utc_now() -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def _stop_requests() -> Iterator[StopRequest]:
    """Signals become a request that the watching loop sees. Only the main thread can do this."""
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _record(
    experiment: Experiment,
    spec: RunSpec,
    ending: Ending,
    measured: _Measured,
    stop: StopRequest,
) -> Dict[str, Any]:
    code, signal_name = _exit(ending)
    status = _status(ending, code, signal_name)
    return {
        "schema": RECORD_SCHEMA,
        "id": spec.id,
        "experiment": spec.experiment,
        "seed": spec.seed,
        "params": dict(spec.params),
        "command": spec.command,
        "env": {
            **activation.variables(),
            "PYTHONHASHSEED": _hash_seed(),
            **dict(experiment.env),
        },
        "timeout_s": experiment.timeout_s,
        "status": status,
        "reason": _reason(experiment, ending, measured, stop, code, signal_name),
        "exit_code": code,
        "signal": signal_name,
        "start": measured.start,
        "seconds": measured.seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak_rss_bytes": measured.peak_rss_bytes,
        "peak_cgroup_bytes": measured.peak_cgroup_bytes,
        "threads": measured.samples["most_threads"],
        "variables": variables(environment(experiment)),
        "gpus": measured.samples["gpus"],
        "gpu_energy_joules": measured.samples["gpu_energy_joules"],
        "hardware": hardware.describe(),
        "notes": ["processes that the command left behind were killed"] * ending.left_behind,
    }


def _exit(ending: Ending) -> "tuple[Optional[int], Optional[str]]":
    """Exit code as a shell tells it (128 + signal), and the signal's name if one ended it."""
    if ending.code is None:
        return None, None
    code = ending.code if ending.code >= 0 else 128 - ending.code
    try:
        return code, signal.Signals(code - 128).name if code > 128 else None
    except ValueError:
        return code, None


def _status(ending: Ending, code: Optional[int], signal_name: Optional[str]) -> str:
    if ending.why in ("timeout", "interrupted"):
        return ending.why
    if code == 0:
        return "ok"
    return "killed" if signal_name else "failed"


def _reason(
    experiment: Experiment,
    ending: Ending,
    measured: _Measured,
    stop: StopRequest,
    code: Optional[int],
    signal_name: Optional[str],
) -> str:
    if ending.why == "not started":
        return "could not be started: %s" % files.printable(ending.error)
    if ending.why == "timeout":
        return "ran into its timeout of %g s" % (experiment.timeout_s or 0)
    if ending.why == "interrupted":
        return "was interrupted (%s)" % stop.signal_name
    if signal_name:
        memory = ": the machine or the container ran out of memory" if measured.oom_killed else ""
        return "was killed by %s%s" % (signal_name, memory)
    return "exited with code %d" % code if code else ""


def _log_json(log: RunLog) -> Dict[str, Any]:
    return {
        "path": "log.txt",
        "size_bytes": log.size_bytes,
        "complete": not log.problem,
        "problem": log.problem,
        "tail": logfile.last_lines(log.path),
    }


def _write_samples(path: str, samples: Mapping[str, Any]) -> None:
    """Beside the record, which does without it when the disk is full."""
    with contextlib.suppress(OSError):
        text = json.dumps(samples, separators=(",", ":"), allow_nan=False)
        files.write_atomically(path, text.encode("ascii") + b"\n")


def _write_record(path: str, record: Dict[str, Any]) -> None:
    data = files.json_bytes(record)
    try:
        files.write_atomically(path, data)
    except OSError:
        # The log is the one thing here that can be large: the record is worth more than its end.
        log = os.path.join(os.path.dirname(path), "log.txt")
        os.truncate(log, max(0, os.path.getsize(log) - 4 * len(data) - (1 << 16)))
        record["log"].update(complete=False, problem="was cut: the disk was full")
        files.write_atomically(path, files.json_bytes(record))
