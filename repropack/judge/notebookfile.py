"""Executed Jupyter notebooks: a number in the output of a cell.

Owns: which cells and which of their outputs are looked at. A notebook that was not executed, or a
cell that ended with an error, gives no number.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, List, Tuple

from repropack.judge import files, jsonfile, logfile
from repropack.judge.files import FileProblem
from repropack.judge.series import Match, NothingFound

_INDEX = re.compile(r"-?[0-9]{1,6}")
_WRAPPED = re.compile(r"(?:np\.\w+|tensor)\(([^,()]+)(?:, \w+=[^()]*)?\)")  # np.float64(0.97)


def matches(path: str, pattern: str, cell: str, group: str) -> Iterator[Match]:
    """Each match of the pattern in the outputs; without one an output is the number itself.

    `cell` is a position among all cells (from 0, or from the end), a tag or an id; empty: all.
    """
    chosen = _chosen(_cells(jsonfile.load(path)), cell)
    if not any(_outputs(code) or code.get("execution_count") for _, code in chosen):
        raise FileProblem("was not executed: its cells have no output")
    found = False
    for position, code in chosen:
        for text in _texts(code, position):
            for match in _in_text(text, pattern, group):
                found = True
                yield match, "cell %d" % position
    if not found:
        raise NothingFound("has no such number in the output of its cells")


def _cells(document: Any) -> List[Any]:
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise FileProblem("is no notebook of nbformat 4")
    return cells


def _chosen(cells: List[Any], wanted: str) -> List[Tuple[int, Any]]:
    numbered = [(i, cell) for i, cell in enumerate(cells) if cell.get("cell_type") == "code"]
    if not wanted:
        return numbered
    if _INDEX.fullmatch(wanted):
        index = int(wanted) % len(cells) if -len(cells) <= int(wanted) < len(cells) else -1
        found = [pair for pair in numbered if pair[0] == index]
        if not found:
            raise FileProblem("has no code cell %s (it has %d cells)" % (wanted, len(cells)))
        return found
    found = [pair for pair in numbered if wanted in _names(pair[1])]
    if not found:
        raise FileProblem("has no code cell with the tag or id %s" % files.printable(wanted))
    return found


def _names(cell: Any) -> List[Any]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [cell.get("id"), *(tags if isinstance(tags, list) else [])]


def _outputs(cell: Any) -> List[Any]:
    outputs = cell.get("outputs")
    return [one for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else []


def _texts(cell: Any, position: int) -> Iterator[str]:
    """What the cell printed and showed; pieces of one stream are put together."""
    printed = ""
    for output in _outputs(cell):
        if output.get("output_type") == "error":
            name = files.printable(str(output.get("ename")), 60)
            raise FileProblem("ended with an error in cell %d: %s" % (position, name))
        if output.get("output_type") == "stream":
            printed += _joined(output.get("text"))
            continue
        data = output.get("data")
        if isinstance(data, dict):
            yield _joined(data.get("text/plain"))
    if printed:
        yield printed


def _joined(text: Any) -> str:
    pieces = text if isinstance(text, list) else [text]
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _in_text(text: str, pattern: str, group: str) -> Iterator[str]:
    if not pattern:
        if text.strip():
            wrapped = _WRAPPED.fullmatch(text.strip())
            yield wrapped.group(1) if wrapped else text.strip()
        return
    for found, _ in logfile.matches_in(text, pattern, group):
        yield found
