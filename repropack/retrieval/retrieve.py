"""One file: from the cache, from where a user put it, or from the first address that gives it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from repropack.footprint.following import duration, size
from repropack.progress import Reporter
from repropack.retrieval.addresses import shown
from repropack.retrieval.model import Failed, Got, Hash, MissingError, Wanted, digests
from repropack.retrieval.partial import Partial
from repropack.retrieval.store import Store, key_of
from repropack.retrieval.web import Web

_EVERY_S = 0.2
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


def retrieve(wanted: Wanted, *, store: Store, web: Web, reporter: Reporter) -> Got:
    """A file of which content and size were checked. Raises `MissingError` with each reason."""
    key = key_of(wanted)
    with store.lock(key, reporter):
        here = _here(wanted, store)
        if here is not None:
            return here
        reasons: list[str] = []
        wrong = []
        for left, url in zip(reversed(range(len(wanted.urls))), wanted.urls, strict=True):
            try:
                return _from(url, wanted, key, store, web, reporter)
            except Failed as error:
                reasons.append(f"{shown(url)}: {error.reason}")
                wrong.append(error.wrong)
                if left:
                    reporter.note(f"{reasons[-1]}; trying the next address")
    raise MissingError(wanted, tuple(reasons), wrong=bool(wrong) and all(wrong))


def _here(wanted: Wanted, store: Store) -> Got | None:
    """What the cache or the user has, if it is the file that is wanted."""
    if wanted.hash is not None:
        found = store.find(wanted.hash)
        if found is not None:
            return Got(wanted=wanted, path=found[0], sha256=found[1], origin="the cache")
    path = store.by_hand / wanted.file_name
    if not path.is_file():
        return None
    expected = wanted.hash
    sha256, other = digests(path, expected.algorithm if expected else "sha256")
    if expected is not None and other != expected.digest:
        found_there = f"{expected.algorithm} {other}, and {expected.digest} is wanted"
        raise MissingError(wanted, (f"{path}: it is another file: {found_there}",), wrong=True)
    return Got(wanted=wanted, path=path, sha256=sha256, origin=str(path))


def _from(url: str, wanted: Wanted, key: str, store: Store, web: Web, reporter: Reporter) -> Got:
    """The file from one address. Bytes that an earlier try left are used if they turn out right."""
    with store.partial(key) as part:
        if wanted.hash is None and not part.validator:
            part.reset()  # nothing would tell that its halves belong together
        resumed = part.size_bytes > 0
        following = Following(reporter, part.size_bytes)
        pages = wanted.hash is not None or wanted.name.lower().endswith((".html", ".htm"))
        bring = partial(
            web.download, url, part, size_bytes=wanted.size_bytes, told=following.told, pages=pages
        )
        bring()
        try:
            sha256 = _checked(part, wanted)
        except Failed:
            part.reset()
            if not resumed:
                raise
            bring()
            try:
                sha256 = _checked(part, wanted)
            except Failed:
                part.reset()
                raise
        path = store.admit(part, sha256, wanted.hash)
    return Got(wanted=wanted, path=path, sha256=sha256, origin=shown(url))


def _checked(part: Partial, wanted: Wanted) -> str:
    """Its SHA-256, if it is the file. Raises `Failed`."""
    small = wanted.hash is None and part.size_bytes < 1000
    if small and part.path.read_bytes().startswith(_POINTER):
        why = "it gives a pointer of Git LFS, and not the data"
        raise Failed(why, lasting=True, wrong=True)
    expected = wanted.hash or Hash(algorithm="sha256", digest="")
    sha256, found = digests(part.path, expected.algorithm)
    if expected.digest and found != expected.digest:
        raise Failed(
            f"it is another file: its {expected.algorithm} is {found}, and {expected.digest} is "
            "wanted",
            lasting=True,
            wrong=True,
        )
    return sha256


class Following:
    """Tells the reporter bytes, rate and time left, now and then."""

    def __init__(self, reporter: Reporter, start_bytes: int) -> None:
        self._reporter = reporter
        self._start_bytes = start_bytes
        self._began_s = time.monotonic()
        self._told_s = 0.0

    def told(self, done: int, total: int) -> None:
        """So many bytes are here."""
        now_s = time.monotonic()
        if now_s - self._told_s < _EVERY_S:
            return
        self._told_s = now_s
        rate = max(done - self._start_bytes, 0) / max(now_s - self._began_s, 1e-3)
        parts = [f"{size(done)} of {size(total)}" if total else size(done), f"{size(rate)}/s"]
        if total > done and rate > 0:
            parts.append(f"{duration((total - done) / rate)} left")
        self._reporter.detail(" · ".join(parts))


def merged(files: tuple[Wanted, ...], hash: Hash | None) -> Wanted:
    """Mirrors of one file as that file: the first hash and size that any of them states."""
    known = hash or next((each.hash for each in files if each.hash), None)
    sizes = {each.size_bytes for each in files if each.size_bytes is not None}
    urls = tuple(dict.fromkeys(url for each in files for url in each.urls))
    only = sizes.pop() if len(sizes) == 1 else None
    named = next((each for each in files if "." in each.name), files[0])
    return replace(named, urls=urls, hash=known, size_bytes=only)
