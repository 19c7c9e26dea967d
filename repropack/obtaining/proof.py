"""What proves that data is the right one: its footprint, or the hash of its file."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from repropack.errors import IntegrityError
from repropack.footprint import How, check, read
from repropack.obtaining.model import Ask, Fetched, Means
from repropack.retrieval.members import ending
from repropack.retrieval.model import Got, Hash, Wanted, digests
from repropack.retrieval.unpacking import Limits


class Proof:
    """What is known of a dataset before it is here. Raises `IntegrityError` for other data."""

    def __init__(self, ask: Ask, means: Means) -> None:
        self._ask = ask
        self._means = means
        self._recorded = read(ask.footprint, dataset=ask.place) if ask.footprint else None
        self._first: bytes | None = None
        if self._recorded is not None and self._recorded.whole is None:
            first = next(iter(self._recorded.entries()), None)
            self._first = first.path if first else None

    def limits(self) -> Limits:
        """What an archive of it may become: as the user says, as is recorded, or as usual."""
        recorded = self._recorded
        if self._means.limits is not None or recorded is None or recorded.n_bytes < 0:
            return self._means.limits or Limits()
        spare = 10_000_000 + recorded.n_bytes // 20  # what is packed beside the data
        n_files = 2 * recorded.n_files + 10_000
        return Limits(n_files=n_files, n_bytes=recorded.n_bytes + spare, ratio=1e6)

    def holds(self, root: Path) -> bool:
        """Whether a directory has the first file that is recorded."""
        return self._first is not None and os.path.lexists(
            os.path.join(os.fsencode(root), self._first)  # noqa: PTH118 (bytes)
        )

    def is_the_data(self, wanted: Wanted) -> bool:
        """Whether a file is the dataset itself, and not a file in the dataset's directory."""
        named = self._ask.named
        if not named:
            return True
        if self._recorded is not None and self._first is not None:
            return self._recorded.n_files == 1 and self._first == os.fsencode(named)
        return PurePosixPath(named).suffix.lower() == PurePosixPath(wanted.name).suffix.lower()

    def of_new(self, made: Path, files: tuple[Got, ...]) -> str:
        """What proved that what came is right: `footprint`, `hash`, or "" for nothing."""
        if self._recorded is not None:
            hint = "ask the authors where the data is that their footprint is of"
            self._check(made, f"what came from {files[0].origin}", hint, None)
            return "footprint"
        if all(got.wanted.hash for got in files):
            return "hash"
        for got in files:
            self._means.reporter.note(
                f"note: nothing says what {got.wanted.file_name} has to be; its sha256 is "
                f"{got.sha256}"
            )
        return ""

    def of_old(self, place: Path, hash: Hash | None = None) -> Fetched:
        """What lies at its place already."""
        ask = self._ask
        if hash is None and ask.sha256 and not any(ending(url) for url in ask.urls):
            hash = Hash(algorithm="sha256", digest=ask.sha256)
        hint = f"move {place} away, and fetch it again"
        if self._recorded is not None:
            self._check(place, str(place), hint, self._means.cache)
            checked = "footprint"
        elif hash is not None and place.is_file():
            found = digests(place, hash.algorithm)[1]
            if found != hash.digest:
                raise IntegrityError(
                    f"{place} is there, and it is another file: its {hash.algorithm} is {found}, "
                    f"and {hash.digest} is wanted",
                    hint=hint,
                )
            checked = "hash"
        else:
            self._means.reporter.note(f"note: {place} is there; nothing says what it has to hold")
            checked = ""
        return Fetched(name=ask.name, place=place, checked=checked, already=True)

    def _check(self, place: Path, called: str, hint: str, cache: Path | None) -> None:
        assert self._recorded is not None
        self._means.reporter.step(f"checking {self._ask.name}")
        checked = check(
            place,
            self._recorded,
            how=How.DEEP,
            cache=cache,
            named=self._ask.named or None,
            reporter=self._means.reporter,
        )
        if not checked.same:
            raise IntegrityError(
                f"{called} is not the dataset {self._ask.name} that was recorded:\n"
                + "\n".join(f"  {line}" for line in checked.told()),
                hint=hint,
            )
