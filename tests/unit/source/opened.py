"""What tests of opened sources share."""

from __future__ import annotations

from repropack.source import Source


def kinds(source: Source) -> list[str]:
    """The kinds of a source's findings."""
    return [finding.kind for finding in source.findings]
