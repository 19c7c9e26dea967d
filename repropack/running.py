"""Doing runs: several at once where there is room, and none twice.

Each run's directory holds `record.json` (written by the judge inside the container, or here when
the container was lost), `log.txt` and `outputs/`. Does not own: one run (`engines`).
"""

from __future__ import annotations

import concurrent.futures
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack.bundle import Bundle
from repropack.engines import EngineFacts, Mount, Pairs, RunOrder, RunResult
from repropack.errors import Interrupted, RunError
from repropack.judge import turns
from repropack.judge.evidence import unusable
from repropack.judge.model import Experiment, RunSpec, failed_record
from repropack.places import Places, room_for
from repropack.progress import Reporter
from repropack.settings import Built
from repropack.workspace import write_atomically

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What runs need: the image with its engine, where results go, and how they are to be done.

    `jobs` is how many at once (None: as many as the first run leaves room for), `runs` how many of
    each cell, if anyone said, and `resume` whether finished ones in `directory` count. `on_cpu` are
    the experiments that could use a GPU and are not to. `mounts` is the data that they see.
    """

    built: Built
    directory: Path
    reporter: Reporter
    jobs: int | None = 1
    runs: int | None = None
    resume: bool = False
    on_cpu: frozenset[str] = frozenset()
    mounts: tuple[Mount, ...] = ()

    @property
    def facts(self) -> EngineFacts:
        """What the engine says of itself."""
        return self.built.facts

    @property
    def bundle(self) -> Bundle:
        """What is verified."""
        return self.built.bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The records of all runs, in their order, and what is to be said of how they came about."""

    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()


def run_all(runs: tuple[RunSpec, ...], experiments: tuple[Experiment, ...], bench: Bench) -> Done:
    """Every run; one that fails does not stop the others. Ctrl-C does, after their records.

    Raises `Interrupted` when the user stopped them, `RunError` when one could not be started.
    """
    by_name = {experiment.name: experiment for experiment in experiments}
    found = {run.id: record for run in runs if (record := finished(run, bench)) is not None}
    earlier = f"{len(found)} of {len(runs)} runs were done by an earlier call, and not repeated"
    if found:
        bench.reporter.note(earlier)
    left = [run for run in runs if run.id not in found]
    notes = (earlier,) if found else ()
    crew = Crew(bench, by_name, {run.id: number for number, run in enumerate(runs, start=1)})
    jobs = bench.jobs
    if jobs is None:
        jobs = 1 if len(left) < 2 else room_for(next(iter(found.values()), None), bench.facts)
        if jobs == 0:  # nothing was measured yet
            first, *left = left
            found[first.id] = crew.alone(first)
            jobs = room_for(found[first.id], bench.facts)
    found |= crew.work(left, min(jobs, len(left)) or 1)
    records = tuple(found[run.id] for run in runs)
    return Done(records=records, notes=notes)


class Crew:
    """Threads that do runs, each with a GPU of its own where there are several."""

    def __init__(
        self, bench: Bench, experiments: dict[str, Experiment], numbers: dict[str, int]
    ) -> None:
        self.bench = bench
        self.experiments = experiments
        self.numbers = numbers
        self.stop = threading.Event()

    def alone(self, run: RunSpec) -> Record:
        """One run in this thread, with every GPU."""
        record, interrupted = self.do(run, (), self.bench.reporter.detail, None)
        if interrupted:
            raise self.interruption(run.id)
        return record

    def work(self, runs: list[RunSpec], jobs: int) -> dict[str, Record]:
        """All of the runs, `jobs` at once; what one has left is copied while the next one runs."""
        gpus = self.bench.facts.gpus
        if any(self.uses_gpu(run) for run in runs):
            jobs = max(1, min(jobs, len(gpus)))
        if jobs == 1:
            return {run.id: self.alone(run) for run in runs}
        places = Places(jobs, [gpu.uuid or str(gpu.index) for gpu in gpus])
        with concurrent.futures.ThreadPoolExecutor(max_workers=2 * jobs) as pool:
            futures = {pool.submit(self.share, run, places): run for run in runs}
            self.wait(set(futures))
        broken = next((error for each in futures if (error := each.exception())), None)
        if broken is not None:
            raise broken
        results = {run.id: future.result() for future, run in futures.items()}
        stopped = [run_id for run_id, (_, interrupted) in results.items() if interrupted]
        if stopped:
            begun = [run_id for run_id in stopped if results[run_id][0]]
            raise self.interruption(*begun[:1])
        return {run_id: record for run_id, (record, _) in results.items()}

    def wait(self, futures: set[concurrent.futures.Future[tuple[Record, bool]]]) -> None:
        """Until all have ended. Ctrl-C, or one that cannot be done, stops the others."""
        while futures:
            try:
                done, futures = concurrent.futures.wait(
                    futures, return_when=concurrent.futures.FIRST_COMPLETED
                )
            except KeyboardInterrupt:
                self.bench.reporter.note("stopping the runs")
                self.stop.set()
                continue
            if any(each.exception() for each in done):
                self.stop.set()

    def share(self, run: RunSpec, places: Places) -> tuple[Record, bool]:
        """One run beside others: in a thread of its own, on a GPU of its own."""
        with places.taken(gpu=self.uses_gpu(run)) as place:
            if self.stop.is_set():
                return {}, True
            gpus = (place.gpu,) if place.gpu else ()
            return self.do(run, gpus, self.named(run), self.stop, place.leave)

    def named(self, run: RunSpec) -> Callable[[str], None]:
        """What a run says, with its name."""
        return lambda line: self.bench.reporter.detail(f"{run.id}: {line}")

    def uses_gpu(self, run: RunSpec) -> bool:
        """Whether a run gets a GPU here."""
        return self.experiments[run.experiment].gpu != "none" and bool(self.bench.facts.gpus)

    def do(
        self,
        run: RunSpec,
        gpu_ids: tuple[str, ...],
        progress: Callable[[str], None],
        stop: threading.Event | None,
        ended: Callable[[], None] | None = None,
    ) -> tuple[Record, bool]:
        """One run: its record, and whether the user stopped it."""
        number, total = self.numbers[run.id], len(self.numbers)
        self.bench.reporter.step(f"running {run.id} ({number} of {total})")
        order = order_for(run, self.experiments[run.experiment], self.bench, gpu_ids)
        discard(order.directory)
        result = self.bench.built.engine.run(order, progress, stop, ended)
        record = read_record(result, run, order)
        return record, "interrupted" in (result.status, record.get("status"))

    def interruption(self, run_id: str = "") -> Interrupted:
        """What to say when the user stopped it; without a run, none was under way."""
        if not run_id:
            again = "`repropack verify --resume` does the others"
            return Interrupted("stopped before all runs had begun", hint=again)
        return Interrupted(
            f"stopped while {run_id} was running",
            hint="`repropack verify --resume` goes on here; the record of what it did is "
            f"{self.bench.directory / run_id / 'record.json'}",
        )


def order_for(
    run: RunSpec, experiment: Experiment, bench: Bench, gpu_ids: tuple[str, ...]
) -> RunOrder:
    """What the engine is asked to do for one run."""
    gpus = {gpu.uuid or str(gpu.index): gpu.name for gpu in bench.facts.gpus}
    gpu = experiment.gpu != "none" and bool(gpus)
    name = gpus[gpu_ids[0]] if gpu_ids else bench.facts.gpus[0].name if gpu else "none"
    return RunOrder(
        image=bench.built.image,
        run_id=run.id,
        name=f"repropack-{bench.bundle.name.lower()}",
        network=experiment.network,
        gpu=gpu,
        gpu_ids=gpu_ids,
        runs=bench.runs,
        timeout_s=experiment.timeout_s,
        facts=(
            ("engine", f"{bench.facts.name} {bench.facts.version}".strip()),
            ("image_id", bench.built.image.id),
            ("commit", bench.bundle.commit),
            ("gpu", name),
            *([(turns.ON_CPU, turns.AS_ASKED)] if experiment.name in bench.on_cpu else []),
            *base_fact(bench.built),
        ),
        directory=bench.directory / run.id,
        mounts=bench.mounts,
    )


def base_fact(built: Built) -> Pairs:
    """Whether the base is made of the authors' packages, where that is known."""
    if not built.bundle.debs:
        return ()
    same = "as recorded"
    return (("base", same if not built.strange else f"packages that differ: {len(built.strange)}"),)


def finished(run: RunSpec, bench: Bench) -> Record | None:
    """The record of this very run in this very image, if an earlier call left one that counts."""
    if not bench.resume:
        return None
    record = load(bench.directory / run.id / "record.json")
    on_cpu = run.experiment in bench.on_cpu
    return record if turns.finished(record, run, bench.built.image.id, on_cpu) else None


def discard(directory: Path) -> None:
    """Remove what an attempt that did not end well has left, so that nobody takes it for more."""
    if directory.exists():
        shutil.rmtree(directory)


def load(path: Path) -> Record | None:
    """A record, or None where there is none that can be read."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def read_record(result: RunResult, run: RunSpec, order: RunOrder) -> Record:
    """The record that the judge wrote, or one that says why there is none."""
    path = order.directory / "record.json"
    record = load(path)
    wrong = "" if record is None else unusable(record, run.id)
    if record is not None and not wrong:
        return record
    reason = f"its record cannot be used: {wrong}" if wrong else result.reason
    status = "failed" if wrong else result.status
    record = failed_record(run, status, reason, dict(order.facts))
    try:
        order.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(record) + "\n")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
    return record
