"""A verification as a report: values in, text out. Reads and writes nothing but its templates.

Owns: the HTML page, and two verifications side by side. Text and Markdown are the judge's
(`judge.report`), which prints them inside of an image too.
"""

from repropack.judge.saved import assessment
from repropack.report.model import (
    Curve,
    Layer,
    Picture,
    Repetition,
    Run,
    Samples,
    Verification,
)
from repropack.report.page import Page, page
from repropack.report.sidebyside import Comparison, compare

__all__ = [
    "Comparison",
    "Curve",
    "Layer",
    "Page",
    "Picture",
    "Repetition",
    "Run",
    "Samples",
    "Verification",
    "assessment",
    "compare",
    "page",
]
