"""Datasets: the recorded identity of files, and what is there held against it.

Owns: walking, hashing, the formats, the stat cache, checks. Knows nothing of projects or bundles.
"""

from repropack.footprint.checking import check
from repropack.footprint.formats import read
from repropack.footprint.making import Format, Made, footprint
from repropack.footprint.model import Algorithm, Summary
from repropack.footprint.recorded import Recorded
from repropack.footprint.result import Checked, How

__all__ = [
    "Algorithm",
    "Checked",
    "Format",
    "How",
    "Made",
    "Recorded",
    "Summary",
    "check",
    "footprint",
    "read",
]
