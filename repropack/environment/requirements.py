"""Requirements files: what each line asks for, includes followed, options judged.

Owns: the meaning of lines and options, for hashed locks and for unpinned files alike.
Does not own: joining lines (`lines`), pinning (`reading`), resolving (`resolving`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from repropack.environment.direct import URL, Direct, is_direct, read_direct
from repropack.environment.lines import logical_lines, shown, split_options
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where
from repropack.tables import index_kind

ReadText = Callable[[str], str]

INCLUDES = {"-r": "requirement", "--requirement": "requirement"}
CONSTRAINTS = {"-c": "constraint", "--constraint": "constraint"}
INDEXES = ("-i", "--index-url", "--pypi-url", "--extra-index-url")
LINKS = ("-f", "--find-links")
MOST_FILES = 100
SILENT = ("--require-hashes", "--prefer-binary")
IGNORED = {
    "--no-binary": "a wheel is built only of what has none",
    "--only-binary": "a wheel is built only of what has none",
    "--pre": "versions are pinned, or resolved from releases",
    "--no-index": "the machine's own index settings are used",
    "--trusted-host": "certificates are always checked",
    "--use-feature": "it is an option of pip's",
    "--config-settings": "wheels are built without options",
    "--global-option": "wheels are built without options",
    "--install-option": "wheels are built without options",
}
VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
PASSWORD = re.compile(r"^[a-z+]+://[^/@\s]*@", re.IGNORECASE)
HASH = re.compile(r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One requirement as written, without its options. `text` is not parsed yet.

    `direct` is there for a package that is not asked for by name and version.
    """

    text: str
    hashes: tuple[str, ...]
    where: Where
    direct: Direct | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """A requirements file with everything that it includes."""

    lines: tuple[Line, ...]
    constraints: tuple[Line, ...]
    indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    findings: tuple[Finding, ...]


def parse_requirements(text: str, path: str, read: ReadText | None = None) -> Requirements:
    """All lines of a file and of its includes, which `read` reads by their path in the source.

    Raises `InvalidError`, with file and line, for what cannot be packed.
    """
    parser = _Parser(read=read)
    parser.file(text, path, parser.lines)
    return Requirements(
        lines=tuple(parser.lines),
        constraints=tuple(parser.constraints),
        indexes=tuple(dict.fromkeys(parser.indexes)),
        find_links=tuple(dict.fromkeys(parser.find_links)),
        findings=tuple(parser.findings),
    )


@dataclass(slots=True, kw_only=True)
class _Parser:
    """Collects while includes are followed; lives for one call of `parse_requirements`."""

    read: ReadText | None
    lines: list[Line] = field(default_factory=list)
    constraints: list[Line] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    seen: set[tuple[str, bool]] = field(default_factory=set)

    def file(self, text: str, path: str, into: list[Line]) -> None:
        """One file; a file that is met again is skipped, so that a circle of includes ends."""
        key = (path, into is self.constraints)
        if key in self.seen:
            return
        self.seen.add(key)
        if len(self.seen) > MOST_FILES:
            raise InvalidError(
                f"{path}: more than {MOST_FILES} files are included", hint="lock them"
            )
        for number, line in logical_lines(text):
            where = Where(path=path, line=number)
            head, options = split_options(line, where)
            if head or options[0][0] not in (*INDEXES, *LINKS):
                refuse_variable(line, where)
            if head:
                into.append(requirement_line(head, options, where, self.findings))
                continue
            for flag, value in options:
                self.option(flag, value, where, into)

    def option(self, flag: str, value: str, where: Where, into: list[Line]) -> None:
        """One option that stands on a line of its own."""
        if flag in INCLUDES or flag in CONSTRAINTS:
            self.include(value, where, into if flag in INCLUDES else self.constraints)
        elif flag in INDEXES:
            self.address(flag, value, where, self.indexes)
        elif flag in LINKS:
            self.address(flag, value, where, self.find_links)
        elif flag in ("-e", "--editable"):
            into.append(
                Line(text=f"-e {value}", hashes=(), where=where, direct=read_direct(value, where))
            )
        elif flag in IGNORED:
            self.findings.append(ignored(flag, where))
        elif flag not in SILENT:
            raise InvalidError(
                f"{where}: {shown(f'{flag} {value}'.strip())} is no option of requirements files",
                hint="remove the line",
            )

    def address(self, flag: str, value: str, where: Where, into: list[str]) -> None:
        """An index or a page of links, if it is the author's own."""
        url = own_url(flag, value, where, self.findings)
        if url is not None:
            into.append(url)

    def include(self, name: str, where: Where, into: list[Line]) -> None:
        """Another file of the source, by its path relative to the file that includes it."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(where.path), name))
        if not name or URL.match(name) or path.startswith(("../", "/")) or path == "..":
            raise InvalidError(
                f"{where}: includes {shown(name)}, which is not a file of the repository",
                hint="copy the file into the repository and include it from there",
            )
        self.file(self.included_text(path, where), path, into)

    def included_text(self, path: str, where: Where) -> str:
        """The text of an included file, or an error that names the line that includes it."""
        if self.read is None:
            raise InvalidError(f"{where}: includes {shown(path)}, which cannot be read from here")
        try:
            return self.read(path)
        except InvalidError as error:
            raise InvalidError(
                f"{where}: includes {shown(path)}: {error.what}",
                hint=error.hint or f"add {path} to the repository, or remove the line",
            ) from error


def refuse_variable(line: str, where: Where) -> None:
    """pip puts environment variables into lines; what they were on the author's machine is lost."""
    found = VARIABLE.search(line)
    if found:
        raise InvalidError(
            f"{where}: the line holds the environment variable {shown(found[0])}",
            hint="write what it stands for; a token for Git belongs into git's own configuration",
        )


def requirement_line(
    head: str, options: tuple[tuple[str, str], ...], where: Where, findings: list[Finding]
) -> Line:
    """One requirement with its hashes. Raises `InvalidError` for what cannot be packed."""
    direct = read_direct(head, where) if is_direct(head) else None
    hashes = []
    for flag, value in options:
        if flag == "--hash":
            hashes.append(checked_hash(value, where))
        elif flag in IGNORED:
            findings.append(ignored(flag, where))
        else:
            raise InvalidError(
                f"{where}: {shown(flag)} is not an option of a requirement",
                hint="write options on a line of their own",
            )
    return Line(text=head, hashes=tuple(dict.fromkeys(hashes)), where=where, direct=direct)


def checked_hash(value: str, where: Where) -> str:
    """A hash that is strong enough and whole."""
    lowered = value.strip().lower()
    if not HASH.fullmatch(lowered):
        raise InvalidError(
            f"{where}: {shown(value)} is not a sha256, sha384 or sha512 hash",
            hint="write the lock again, for example with `uv pip compile --generate-hashes`",
        )
    return lowered


def own_url(flag: str, value: str, where: Where, findings: list[Finding]) -> str | None:
    """The address of an index or of a page of links that the author's file names.

    None for the public index, by any of its addresses: this machine knows how to ask it.
    """
    if VARIABLE.search(value):
        raise InvalidError(
            f"{where}: {flag} holds the environment variable {shown(VARIABLE.findall(value)[0])}",
            hint="put this index into your pip configuration (pip config set …) instead",
        )
    if PASSWORD.match(value):
        raise InvalidError(
            f"{where}: {flag} holds a user name or a password",
            hint="put this index into your pip configuration (pip config set …) instead",
        )
    if not re.match(r"https?://", value):
        raise InvalidError(
            f"{where}: {flag} {shown(value)} is not an http address",
            hint="put local indexes into your pip configuration (pip config set …) instead",
        )
    kind = index_kind(value)
    if kind is not None:
        findings.append(public_index(flag, kind, where))
        return None
    findings.append(
        Finding(kind="environment.index", value=value, because=f"{flag} in {where}", where=where)
    )
    return value


def public_index(flag: str, kind: str, where: Where) -> Finding:
    """The index that everybody has is asked as this machine does, its former hosts too."""
    if kind == "public":
        because = f"{flag} in {where} names the public index: it is asked as this machine does"
        return Finding(kind="environment.index-public", value=flag, because=because, where=where)
    return Finding(
        kind="environment.index-retired",
        value=flag,
        because=f"{flag} in {where} names an index that was retired years ago: the one that "
        "replaced it is asked",
        where=where,
        severity=Severity.WARNING,
    )


def ignored(flag: str, where: Where) -> Finding:
    """A finding that says that an option has no effect, and why."""
    return Finding(
        kind="environment.option-ignored",
        value=flag,
        because=f"{flag} in {where} has no effect: {IGNORED[flag]}",
        where=where,
        severity=Severity.WARNING,
    )


def parse_line(text: str) -> tuple[str, str]:
    """A requirement's name as it is written, and what follows it."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", text)
    return (match[1], text[match.end() :]) if match else ("", text)
