"""A bundle as one file, or as parts of one: written, and read as the directory that it was.

Owns: the archive (`writing`: a `tar`, and `packing` it), links that it may not have (`outward`),
its parts and their list (`parts`), and unpacking one that somebody sent (`reading`). Does not own:
what is in a bundle and whether it is right (`bundle`).
"""

from repropack.archives.outward import refuse_links_of
from repropack.archives.parts import PART_BYTES
from repropack.archives.reading import at_hand, is_archive
from repropack.archives.writing import Archive, refuse_archive, write_archive

__all__ = [
    "PART_BYTES", "Archive", "at_hand", "is_archive", "refuse_archive", "refuse_links_of",
    "write_archive",
]  # fmt: skip
