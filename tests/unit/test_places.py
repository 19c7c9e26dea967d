"""How many runs a machine has room for, by what the first of them took; and their places."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from repropack.engines import EngineFacts
from repropack.places import Place, Places, room_for

GIB = 1 << 30
MACHINE = EngineFacts(name="docker", version="1", cpus=8, memory_bytes=10 * GIB)


@pytest.mark.parametrize(
    ("record", "jobs"),
    [
        (None, 0),
        ({"seconds": 10.0, "cpu_seconds": 10.0}, 1),
        ({"seconds": 10.0, "cpu_seconds": 10.0, "peak_rss_bytes": 1 << 20}, 8),
        ({"seconds": 10.0, "cpu_seconds": 40.0, "peak_rss_bytes": 1 << 20}, 2),
        ({"seconds": 10.0, "cpu_seconds": 10.0, "peak_rss_bytes": 2 * GIB}, 4),
    ],
)
def test_room_for(record: dict[str, Any] | None, jobs: int) -> None:
    """By processors, by memory, and nothing is guessed of a run that was not measured."""
    assert room_for(record, MACHINE) == jobs


def test_the_memory_of_all_processes_counts() -> None:
    """A run of several processes takes what they take together, not what the largest takes."""
    record = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_rss_bytes": GIB // 2}
    assert room_for(record, MACHINE) == 8
    assert room_for({**record, "peak_cgroup_bytes": 4 * GIB}, MACHINE) == 2


def elsewhere(places: Places, entered: Callable[[Place], None], *, gpu: bool) -> threading.Thread:
    """Take a place in another thread."""

    def take() -> None:
        with places.taken(gpu=gpu) as place:
            entered(place)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return thread


def test_a_place_that_was_left_is_taken_by_the_next() -> None:
    """Who has left its place may go on, while the next one has it, with its GPU; not before."""
    places, taken = Places(1, ["gpu0"]), threading.Event()
    with places.taken(gpu=True) as place:
        thread = elsewhere(places, lambda other: taken.set(), gpu=True)
        assert not taken.wait(0.1)
        place.leave()
        assert taken.wait(10)
        thread.join()


def test_a_place_is_left_once() -> None:
    """Leaving early and leaving at the end is one place, not two."""
    places, taken = Places(1, []), threading.Event()
    with places.taken(gpu=False) as place:
        place.leave()
    with places.taken(gpu=False):
        thread = elsewhere(places, lambda other: taken.set(), gpu=False)
        assert not taken.wait(0.1)
    assert taken.wait(10)
    thread.join()


def test_each_has_a_gpu_of_its_own() -> None:
    """Two places with two GPUs; a run without a GPU takes none away."""
    places = Places(3, ["gpu0", "gpu1"])
    with places.taken(gpu=True) as one, places.taken(gpu=False) as two:
        with places.taken(gpu=True) as three:
            assert ({one.gpu, three.gpu}, two.gpu) == ({"gpu0", "gpu1"}, "")
        with places.taken(gpu=True) as again:
            assert again.gpu == three.gpu
