"""What a run recorded, as the values of a report. Whatever is missing or odd is left out.

Owns: the shapes of `record.json` and `telemetry.json` that a report shows, and which images fit
into it. Does not own: where these files are (`verification`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from repropack.report import Curve, Layer, Picture, Repetition, Run, Samples

Record = Mapping[str, Any]
LARGEST_IMAGE_BYTES = 400_000
LARGEST_IMAGES_BYTES = 2_000_000
MOST_IMAGES = 48
_MOST_POINTS = 100_000
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")


def run(record: Record, telemetry: Record | None) -> Run:
    """What a record says of its run, but for what its summary says."""
    params = record.get("params")
    peak = number(record.get("peak_cgroup_bytes")) or number(record.get("peak_rss_bytes"))
    seed = record.get("seed")
    return Run(
        id="",
        experiment="",
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
        params=pairs(params) if isinstance(params, dict) else (),
        command=record["command"] if isinstance(record.get("command"), str) else "",
        cpu_seconds=number(record.get("cpu_seconds")),
        peak_bytes=None if peak is None else int(peak),
        gpu=fact([record], "gpu") or "none",
        metrics=tuple(metrics(record)),
        curves=tuple(curves(record)),
        samples=tuple(samples(telemetry or {})),
    )


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def pairs(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Names and values as text, sorted."""
    return tuple(sorted((str(name), shown(value)) for name, value in data.items()))


def shown(value: Any) -> str:
    """A value as a report shows it."""
    return "unknown" if value is None else str(value)


def fact(records: Iterable[Record], name: str) -> str:
    """What the engine said of the runs; several answers one after the other."""
    found = [facts.get(name) for each in records if isinstance(facts := each.get("facts"), dict)]
    return " / ".join(dict.fromkeys(each for each in found if isinstance(each, str)))


def readings(record: Record) -> Iterator[tuple[str, Record]]:
    """What was read for each metric."""
    found = record.get("metrics")
    for name, reading in (found if isinstance(found, dict) else {}).items():
        if isinstance(reading, dict):
            yield str(name), reading


def metrics(record: Record) -> Iterator[tuple[str, float]]:
    """The numbers that were read."""
    for name, reading in readings(record):
        value = number(reading.get("value"))
        if value is not None and not reading.get("reason"):
            yield name, value


def curves(record: Record) -> Iterator[Curve]:
    """`history` of a metric: [[x, value], …], or that as `points` of an object with its `axis`."""
    for name, reading in readings(record):
        history = reading.get("history")
        axis = reading.get("axis")
        if isinstance(history, dict):
            axis, history = history.get("axis"), history.get("points")
        found = points(history)
        if len(found) > 1:
            yield Curve(metric=name, points=found, axis=axis if isinstance(axis, str) else "step")


def points(history: Any) -> tuple[tuple[float, float], ...]:
    """Pairs of finite numbers, by rising x; the last of equal ones. A list of numbers counts."""
    found: dict[float, float] = {}
    rows = history[:_MOST_POINTS] if isinstance(history, list) else []
    for count, row in enumerate(rows):
        pair = row if isinstance(row, list) and len(row) == 2 else (count, row)
        x, y = number(pair[0]), number(pair[1])
        if x is not None and y is not None:
            found[x] = y
    return tuple(sorted(found.items()))


def samples(telemetry: Record) -> Iterator[Samples]:
    """Each column of a telemetry's rows over the first, which is the seconds since the start."""
    columns, rows = telemetry.get("columns"), telemetry.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list) or "seconds" not in columns:
        return
    time = columns.index("seconds")
    usable = [row for row in rows[:_MOST_POINTS] if isinstance(row, list)]
    for index, name in enumerate(columns):
        found = points([[at(row, time), at(row, index)] for row in usable])
        if index != time and isinstance(name, str) and len(found) > 1:
            yield Samples(name=name, points=found)


def at(row: list[Any], index: int) -> Any:
    """What stands there; None where the row is too short."""
    return row[index] if index < len(row) else None


def images(record: Record) -> Iterator[tuple[str, str]]:
    """Path and digest of each output that has the name of an image."""
    outputs = record.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        path = output.get("path") if isinstance(output, dict) else None
        if isinstance(path, str) and path.lower().endswith(_SUFFIXES) and "\0" not in path:
            yield path, str(output.get("sha256"))


class Shelf:
    """The images that a page has room for. The same image of several runs is shown once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._bytes = 0
        self._count = 0

    def take(self, run_id: str, path: str, digest: str, file: Path) -> Iterator[Picture]:
        """The image, or why it is left out; nothing if it is here already."""
        if digest in self._seen:
            return
        self._seen.add(digest)
        try:
            size = file.stat().st_size
            because = self._refusal(size)
            data = b"" if because else file.read_bytes()
        except OSError as error:
            because, data = f"cannot be read: {error.strerror}", b""
        media_type = kind_of(data)
        if data and not media_type:
            because, data = "is not an image that browsers show", b""
        self._bytes += len(data)
        self._count += bool(data)
        yield Picture(run_id=run_id, path=path, media_type=media_type, data=data, because=because)

    def _refusal(self, size: int) -> str:
        if size == 0:
            return "is empty"
        if size > LARGEST_IMAGE_BYTES:
            return f"is too large for the page ({size / 1e6:.1f} MB)"
        full = self._count >= MOST_IMAGES or self._bytes + size > LARGEST_IMAGES_BYTES
        return "the page has no room for more images" if full else ""


def kind_of(data: bytes) -> str:
    """The media type by content, whatever the name says; "" for what is not an image."""
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/svg+xml" if b"<svg" in data[:4096] else ""


def layers(saved: Record, records: Iterable[Record]) -> tuple[Layer, ...]:
    """The environment: what the verification saved of it, and what each run found."""
    found: dict[str, dict[str, list[str]]] = {}
    environment = saved.get("environment")
    for name, items in (environment if isinstance(environment, dict) else {}).items():
        if isinstance(items, dict):
            for key, value in items.items():
                add(found, str(name), str(key), value)
    for record in records:
        for layer, key, value in noticed(record):
            add(found, layer, key, value)
    return tuple(
        Layer(name=name, items=tuple((key, " / ".join(v)) for key, v in items.items()))
        for name, items in found.items()
    )


def repetitions(saved: Record) -> Iterator[Repetition]:
    """What `--determinism` found."""
    found = saved.get("determinism")
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and isinstance(each.get("run"), str):
            same, differing = (
                tuple(str(name) for name in names)
                if isinstance(names := each.get(key), list)
                else ()
                for key in ("same", "differing")
            )
            problem = each.get("problem")
            yield Repetition(
                run_id=each["run"],
                same=same,
                differing=differing,
                problem=problem if isinstance(problem, str) else "",
            )


def add(found: dict[str, dict[str, list[str]]], layer: str, key: str, value: Any) -> None:
    """Note a value; what differs between runs is kept beside it."""
    values = found.setdefault(layer, {}).setdefault(key, [])
    if shown(value) not in values and len(values) < 8:
        values.append(shown(value))


def noticed(record: Record) -> Iterator[tuple[str, str, Any]]:
    """What a record says of its surroundings: layer, name, value."""
    facts, hardware, env, variables = (
        found if isinstance(found := record.get(name), dict) else {}
        for name in ("facts", "hardware", "env", "variables")
    )
    if "commit" in facts:
        yield "project", "commit", facts["commit"]
    if "python" in hardware:
        yield "libraries", "python", hardware["python"]
    for key in ("kernel",):
        if key in hardware:
            yield "operating system", key, hardware[key]
    if "base" in facts:
        yield "operating system", "Debian packages", facts["base"]
    if "gpu" in facts:
        yield "GPU", "used by the runs", facts["gpu"]
    for key in ("cpu", "cores", "machine", "memory_bytes"):
        if key in hardware:
            yield "machine", key.removesuffix("_bytes"), memory(hardware[key], key)
    if number(record.get("threads")) is not None:
        yield "variables", "threads of a run at once, at most", record["threads"]
    for key, value in sorted({**variables, **env}.items()):
        yield "variables", str(key), value


def memory(value: Any, key: str) -> Any:
    """Bytes as a reader thinks of them."""
    count = number(value)
    return f"{count / 1e9:.1f} GB" if key.endswith("_bytes") and count is not None else value
