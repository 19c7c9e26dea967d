"""The data that the runs saw: how much, what proves it, and what the authors say of it.

Owns: this section. Does not own: what is told of data (`describing`).
"""

from __future__ import annotations

from repropack.judge.seen import Dataset
from repropack.report.markup import Html, folded, join, table, tag

_MOST_OPEN = 12


def section(datasets: tuple[Dataset, ...]) -> Html:
    """A row for each dataset, and below what its authors tell of it."""
    if not datasets:
        return Html("")
    rows = [
        (each.name, each.path, str(each.n_files), str(each.n_bytes), each.root_hash)
        for each in datasets
    ]
    head = ("dataset", "where runs see it", "files", "bytes", "root hash")
    said = "Before the first run each dataset was found to be the one that was recorded."
    return join((
        tag("p", said),
        table("The data of the runs", head, rows, numeric=(2, 3)),
        *(described(each) for each in datasets if each.described),
    ))  # fmt: skip


def described(dataset: Dataset) -> Html:
    """Counts by split and class, shapes, means: as the build told them; a long list is folded."""
    items = tag("ul", *(tag("li", line.strip()) for line in dataset.described))
    title = f"What {dataset.name} holds"
    if len(dataset.described) > _MOST_OPEN:
        return folded(f"{title} ({len(dataset.described)})", items)
    return join((tag("h3", title), items))
