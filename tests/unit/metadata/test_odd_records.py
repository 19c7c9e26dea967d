"""What an experiment may have written into its record makes no verification fail."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.debian.debs import parse_debs
from repropack.judge.expand import expand_all
from repropack.judge.fields import ManifestError
from repropack.judge.rule import judge_all
from repropack.metadata import runcrate
from tests.verifications import CLAIMS, NET, record

REPORT = {
    "name": "net", "summary": "reproduced", "commit": "5" * 40, "bundle": {"digest": "a" * 64},
    "image": {"tag": "repropack/net:1", "id": "sha256:" + "d" * 64}, "engine": {"name": "docker"},
}  # fmt: skip
SPEC = next(iter(expand_all([NET])))
RECORD = {**record(SPEC, 0.94, epochs=2), "start": "2026-01-31T12:00:00Z"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value below the top of a JSON document."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(inner, (*path, key))


PLACES = sorted(places(RECORD), key=str)


@st.composite
def odd(draw: st.DrawFn) -> Any:
    """The record with other values in up to three places, or without them."""
    made = copy.deepcopy(RECORD)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        at: Any = made
        try:
            for key in path[:-1]:
                at = at[key]
            if draw(st.booleans()):
                at[path[-1]] = draw(JSON)
            else:
                del at[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    return made


@settings(max_examples=400, deadline=None)
@given(found=odd())
def test_crate_of_an_odd_record(found: dict[str, Any]) -> None:
    """The crate of runs is made, and is JSON, whatever a record holds."""
    crate = runcrate.of_verification(REPORT, {SPEC.id: found}, [f"runs/{SPEC.id}/record.json"])
    run = next(each for each in crate["@graph"] if each["@type"] == "CreateAction")
    assert json.loads(json.dumps(run)) == run
    assert run["@id"].startswith("#run-")


@settings(max_examples=200, deadline=None)
@given(found=odd())
def test_judging_an_odd_record(found: dict[str, Any]) -> None:
    """The judge says something of each claim, or where a record is none, whatever it holds."""
    try:
        assessment = judge_all([NET], CLAIMS, [found], None, name="net", run_ids={SPEC.id})
    except ManifestError as error:
        assert str(error).startswith("records[0]")
        return
    assert len(assessment.judgements) == len(CLAIMS)


@given(text=st.text() | st.text(alphabet="a\t\n1.:"))
def test_any_list_of_packages(text: str) -> None:
    """A list of Debian packages is read or refused."""
    try:
        parse_debs(text)
    except ValueError as error:
        assert "not a line of" in str(error)
