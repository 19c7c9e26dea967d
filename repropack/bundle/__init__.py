"""The bundle: the directory that a reviewer receives.

Owns: what stands in it (`contents`), the text of its generated files (`render`), writing it whole
or not at all (`write`), the lock beside it (`lockfile`), the author's own verification (`author`),
its datasets (`data`), its checksums (`checksums`), and reading one that somebody sent (`read`).
Does not own: decisions (`plan`), fetching (`environment`), building and running (`engines`).
"""

from repropack.bundle.author import author_files
from repropack.bundle.contents import BaseRecord, Ingredients, Placed
from repropack.bundle.data import FOOTPRINTS, INCLUDED, Data
from repropack.bundle.lockfile import committed_name, keep_lock
from repropack.bundle.read import Bundle, is_bundle, read_bundle
from repropack.bundle.render import SOURCE_STEPS, source_dockerfile, split_dockerfile
from repropack.bundle.write import Check, accept, write_bundle

__all__ = [
    "FOOTPRINTS",
    "INCLUDED",
    "SOURCE_STEPS",
    "BaseRecord",
    "Bundle",
    "Check",
    "Data",
    "Ingredients",
    "Placed",
    "accept",
    "author_files",
    "committed_name",
    "is_bundle",
    "keep_lock",
    "read_bundle",
    "source_dockerfile",
    "split_dockerfile",
    "write_bundle",
]
