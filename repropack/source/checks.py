"""What is worth the author's eye about the files of a source, as findings.

Owns: names, sizes and links. Does not own: what is refused outright (`opening`, `tree`).
"""

from __future__ import annotations

from repropack.findings import Finding, Severity, Where
from repropack.source.model import Entry
from repropack.source.names import display, is_odd
from repropack.source.paths import Paths

LARGE_BYTES = 50_000_000
_MOST_OF_A_KIND = 20


def file_findings(
    entries: tuple[Entry, ...], paths: Paths, missing_lfs: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Findings about single files: at most 20 of a kind, the last one saying how many more."""
    odd = [each.path for each in entries if is_odd(each.path)]
    large = [each for each in entries if each.size_bytes > LARGE_BYTES]
    outside = [each for each in entries if each.is_link and paths.leads_outside(each)]
    return (
        *_some("source.odd-name", [(path, "") for path in odd], "many tools trip over such a name"),
        *_some(
            "source.large-file",
            [(each.path, f" ({each.size_bytes / 1e6:.0f} MB)") for each in large],
            "everybody who gets the bundle gets this file; data can be declared under `datasets`",
        ),
        *_some(
            "source.lfs-pointer",
            [(path, "") for path in missing_lfs],
            "the working tree does not have the content, so its Git LFS pointer is packed; "
            "`git lfs pull` brings it",
        ),
        *_some(
            "source.link-outside",
            [(each.path, f" → {display(each.link_target or '')}") for each in outside],
            "the link leads outside of the project, so it leads nowhere in the image",
        ),
    )


def warning(kind: str, value: str, because: str) -> Finding:
    """A finding about the source as a whole."""
    return Finding(kind=kind, value=value, because=because, severity=Severity.WARNING)


def _some(kind: str, found: list[tuple[str, str]], because: str) -> list[Finding]:
    findings = [
        Finding(
            kind=kind,
            value=display(path) + detail,
            because=because,
            where=Where(path=display(path)),
            severity=Severity.WARNING,
        )
        for path, detail in found[:_MOST_OF_A_KIND]
    ]
    if len(found) > _MOST_OF_A_KIND:
        findings.append(warning(kind, f"{len(found) - _MOST_OF_A_KIND} more", because))
    return findings
