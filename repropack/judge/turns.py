"""Which runs are left to do, and how many of them at once: for `verify` and `reproduce.sh` alike.

Owns: what counts as done by an earlier call, and what a measured run leaves room for. Does not own:
which runs are chosen (`selection`), doing them.
"""

from __future__ import annotations

import math
from typing import Any, Mapping, Optional

from repropack.judge.model import RunSpec

MEMORY_SHARE = 0.8
"""How much of the machine's memory runs that are done at the same time may take together."""
ON_CPU = "cpu"
"""The fact of a run that was to be done without a GPU, though its experiment could use one."""
AS_ASKED = "--cpu"


def finished(record: Any, spec: RunSpec, image_id: str, on_cpu: bool) -> bool:
    """Whether this is the record of that very run, in this very image, that ended well."""
    from repropack.judge.evidence import unusable

    if not isinstance(record, dict) or unusable(record, spec.id):
        return False
    if record.get("status") != "ok" or record.get("command") != spec.command:
        return False
    facts = record.get("facts")
    if not isinstance(facts, dict) or facts.get("image_id") != image_id:
        return False
    return (ON_CPU in facts) is on_cpu


def room_for(record: Mapping[str, Any], cpus: int, memory_bytes: Optional[int]) -> int:
    """How many runs like the one of this record the machine can do at once; at least one.

    By the CPU seconds per second and the memory that it took: that of all its processes where it
    was measured, else that of the largest. Nothing is guessed of a run that was not measured.
    """
    seconds, cpu_seconds = _number(record.get("seconds")), _number(record.get("cpu_seconds"))
    peak_bytes = _number(record.get("peak_cgroup_bytes")) or _number(record.get("peak_rss_bytes"))
    if not seconds or cpu_seconds is None or not peak_bytes:
        return 1
    by_cpu = cpus / max(1, math.ceil(cpu_seconds / seconds - 0.25))
    by_memory = math.inf if memory_bytes is None else MEMORY_SHARE * memory_bytes / peak_bytes
    return max(1, int(min(by_cpu, by_memory)))


def _number(value: Any) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e300 else None
