"""Files cut into pieces: none is lost, doubled or out of its place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from repropack.footprint.model import Found, Run
from repropack.footprint.pieces import cut

RUNS = st.builds(
    Run, st.sampled_from([b"", b"a/", b"b/"]), st.lists(st.binary(min_size=1), min_size=1)
)
LINKS = st.builds(lambda path: Found(path=path, link=b"x"), st.binary(min_size=1))


def paths(items: tuple[Run | Found, ...]) -> list[bytes]:
    """Of each file and link."""
    return [
        path
        for item in items
        for path in (item.paths() if isinstance(item, Run) else [item.path + b" (link)"])
    ]


@given(st.lists(RUNS | LINKS, min_size=1).map(tuple), st.integers(1, 20), st.booleans())
def test_pieces_are_the_whole(
    batch: tuple[Run | Found, ...], n_pieces: int, first_alone: bool
) -> None:
    """In its order, none empty, and no more than were asked for."""
    pieces = list(cut(batch, n_pieces, first_alone=first_alone))
    assert [path for piece in pieces for path in paths(piece)] == paths(batch)
    assert all(paths(piece) for piece in pieces)
    assert len(pieces) <= n_pieces + first_alone
    assert not first_alone or len(paths(pieces[0])) == 1


def test_files_of_one_directory_stay_one_item() -> None:
    """Who reads them opens the directory once."""
    assert list(cut((Run(b"d/", [b"1", b"2", b"3"]), Run(b"e/", [b"4"])), 2)) == [
        (Run(b"d/", [b"1", b"2"]),),
        (Run(b"d/", [b"3"]), Run(b"e/", [b"4"])),
    ]
