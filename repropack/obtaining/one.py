"""One dataset on its way: listed, fetched, put together, proved, and given its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repropack.errors import IntegrityError, UsageError
from repropack.footprint.following import size
from repropack.obtaining.model import Ask, Fetched, Means, Unobtained, too_large
from repropack.obtaining.proof import Proof
from repropack.retrieval import placing
from repropack.retrieval.addresses import shown
from repropack.retrieval.listing import Listed, listed
from repropack.retrieval.members import ending
from repropack.retrieval.model import Failed, Got, Hash, MissingError, Wanted
from repropack.retrieval.retrieve import merged, retrieve
from repropack.retrieval.store import Store
from repropack.retrieval.web import Web


class One:
    """Fetches one dataset. `fetched` is called once."""

    def __init__(self, ask: Ask, means: Means, store: Store, web: Web) -> None:
        self._ask = ask
        self._means = means
        self._store = store
        self._web = web
        self._reporter = means.reporter
        self._proof = Proof(ask, means)

    def fetched(self) -> Fetched:
        """The dataset in its place. Raises `Unobtained`, and `IntegrityError` for other data."""
        ask = self._ask
        if not ask.below and is_there(ask.place):
            return self._proof.of_old(ask.place)
        if not ask.urls:
            raise Unobtained(ask, ("nothing says where it can be had: it has no url",))
        self._reporter.step(f"fetching {ask.name}")
        found = self._listed()
        if ask.include_bytes is not None:
            self._announce(found, ask.include_bytes)
        if ask.below:
            self._settle(found)
            if is_there(self._ask.place):
                return self._proof.of_old(self._ask.place, found.files[0].hash)
        return self._placed(self._all(found.files), several=found.several)

    def _announce(self, found: Listed, most: int) -> None:
        """Say how much is to come for a bundle, where anybody tells. Raises `DataError`."""
        sizes = [
            self._web.length(each.urls[0]) if each.size_bytes is None else each.size_bytes
            for each in (found.files if found.several else found.files[:1])
        ]
        known = [each for each in sizes if each is not None]
        if len(known) < len(sizes):
            return
        n_bytes, what = sum(known), "" if len(known) == 1 else f" in {len(known)} files"
        if not found.several and self._is_archive(found.files[0]):
            what = " as an archive"
        elif n_bytes > most:
            raise too_large(self._ask.name, n_bytes, most)
        told = f"{size(n_bytes)}{what} will be fetched for the bundle (include: true)"
        self._reporter.note(f"{self._ask.name}: {told}")

    def _settle(self, found: Listed) -> None:
        """Where in the directory that the user named it goes. An archive or a record fills it."""
        ask = self._ask
        if not found.several and not self._is_archive(found.files[0]):
            place = ask.place / found.files[0].file_name
            self._ask = replace(ask, place=place, below=False)
        elif is_there(ask.place) and ask.footprint is None:
            raise UsageError(
                f"{ask.place} is not empty, and what comes is a whole directory",
                hint="name another one with -o, or add --no-unpack if it is an archive",
            )

    def _listed(self) -> Listed:
        """The files, where the services say which; mirrors of one file become that file."""
        ask = self._ask
        hash = Hash(algorithm="sha256", digest=ask.sha256) if ask.sha256 else None
        found: list[Listed] = []
        reasons: list[str] = []
        for url in ask.urls:
            try:
                found.append(listed(url, hash, self._web, self._means.hosts))
            except Failed as error:
                reasons.append(f"{shown(url)}: {error.reason}")
        for note in dict.fromkeys(note for each in found for note in each.notes):
            self._reporter.note(f"note: {note}")
        if any(each.several for each in found):
            if len(ask.urls) > 1 or hash is not None:
                raise UsageError(
                    f"{ask.name}: one of its addresses is of several files, each with its own hash",
                    hint="give it that one address, and no sha256",
                )
            return found[0]
        files = tuple(wanted for each in found for wanted in each.files)
        if not files:
            raise Unobtained(ask, tuple(reasons) or (f"{shown(ask.urls[0])}: there is no file",))
        for reason in reasons:
            self._reporter.note(reason)
        return Listed(files=(merged(files, hash),))

    def _all(self, files: tuple[Wanted, ...]) -> tuple[Got, ...]:
        got = []
        for number, wanted in enumerate(files, 1):
            if len(files) > 1:
                self._reporter.detail(f"file {number} of {len(files)}: {wanted.name}")
            got.append(self._file(wanted))
        return tuple(got)

    def _file(self, wanted: Wanted) -> Got:
        try:
            return retrieve(wanted, store=self._store, web=self._web, reporter=self._reporter)
        except MissingError as error:
            if not error.wrong:
                raise Unobtained(self._ask, error.reasons, wanted) from error
            raise IntegrityError(
                f"{self._ask.name}: no address gives the file that is wanted:\n"
                + "\n".join(f"  {reason}" for reason in error.reasons),
                hint=f"needed is {wanted.described()}; if its authors published it anew, put "
                "its new sha256 down",
            ) from error

    def _is_archive(self, wanted: Wanted) -> bool:
        """By its name; one that has the dataset's own ending is the data itself."""
        end = ending(wanted.file_name)
        return bool(end) and self._ask.unpack and ending(self._ask.named) != end

    def _placed(self, files: tuple[Got, ...], *, several: bool) -> Fetched:
        place = self._ask.place
        with placing.scratch_for(place, self._store, self._reporter) as scratch:
            if is_there(place):  # another process was as fast
                return self._proof.of_old(place, files[0].wanted.hash)
            made = self._made(files, scratch, several=several)
            checked = self._proof.of_new(made, files)
            placing.move(made, place)
        return Fetched(name=self._ask.name, place=place, checked=checked, files=files)

    def _made(self, files: tuple[Got, ...], scratch: Path, *, several: bool) -> Path:
        """What is to become the dataset, in `scratch`."""
        first = files[0]
        if not several and self._is_archive(first.wanted):
            self._reporter.step(f"unpacking {first.wanted.file_name}")
            return placing.unpacked(
                first,
                self._ask.place,
                scratch,
                limits=self._proof.limits(),
                holds=self._proof.holds,
                reporter=self._reporter,
            )
        if not several and self._proof.is_the_data(first.wanted):
            return placing.single(first, scratch)
        return placing.several(files, scratch)


def is_there(place: Path) -> bool:
    """Whether something is there; an empty directory is nothing."""
    try:
        return next(place.iterdir(), None) is not None
    except FileNotFoundError:
        return place.is_symlink()
    except NotADirectoryError:
        return True
