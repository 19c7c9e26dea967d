"""Opening a directory as a Source: from what git says to what is packed, or refused.

Owns: the decision between commit, dirty tree and snapshot, and the refusals.
Does not own: the single questions to git (`repository`, `worktree`, `tree`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from repropack.errors import SourceError
from repropack.findings import Finding
from repropack.source.checks import file_findings, warning
from repropack.source.content import Content, complete
from repropack.source.git import Git, Objects, Scratch
from repropack.source.model import SourceKind
from repropack.source.names import display, listing
from repropack.source.paths import Paths
from repropack.source.repository import (
    Repository,
    Status,
    commit_time_s,
    find_repository,
    read_remote,
    read_status,
    read_tags,
)
from repropack.source.source import Source
from repropack.source.tree import Contents, TreeReader, uncommitted_in_submodule
from repropack.source.worktree import (
    binary_patch,
    object_directory,
    subtree,
    with_objects,
    write_dirty_tree,
    write_snapshot,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    """A tree that is decided upon: where it is, and what is known about where it comes from.

    `top` is the tree or commit that holds it at `subdirectory`.
    """

    root: Path
    kind: SourceKind
    git: Git
    top: str
    tree: str
    subdirectory: str = ""
    scratch: Scratch | None = None
    repository: Repository | None = None
    status: Status | None = None
    patch: bytes = b""
    findings: tuple[Finding, ...] = ()


def open_source(directory: Path, *, allow_dirty: bool = False) -> Source:
    """The project in `directory`, read-only: at its commit, or as a snapshot where there is none.

    A working tree with changes that no commit holds is refused unless `allow_dirty`.
    Raises SourceError with a hint for what cannot be packed; nothing is ever written to the
    directory or its repository.
    """
    root = _checked(directory)
    repository = find_repository(root)
    if repository is None:
        return _source(_snapshot(root, "it lies in no git repository"))
    status = read_status(repository)
    if repository.subdirectory and status.is_clean and _holds_nothing(repository, status):
        why = f"the repository in {display(str(repository.top))} ignores it"
        return _source(_snapshot(root, why))
    if status.commit is None:
        return _source(_uncommitted(repository, status))
    if status.is_clean:
        return _source(_committed(repository, status, status.commit))
    _refuse_changes(root, status, allow_dirty)
    return _source(_changed(repository, status, status.commit))


def _checked(directory: Path) -> Path:
    try:
        root = directory.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SourceError(
            f"{directory} does not exist or cannot be reached",
            hint="give the directory of a project, e.g. `repropack inspect path/to/project`",
        ) from error
    if not root.is_dir():
        raise SourceError(
            f"{directory} is a file, not a directory",
            hint=f"give the directory that it lies in: {root.parent}",
        )
    return root


def _holds_nothing(repository: Repository, status: Status) -> bool:
    """Whether the commit has no directory here; with a clean status, everything is ignored."""
    if status.commit is None:
        return True
    spec = f"{status.commit}:{repository.subdirectory}".encode("utf-8", "surrogateescape")
    return repository.git.ask("rev-parse", "--verify", "--quiet", spec) is None


def _refuse_changes(root: Path, status: Status, allow_dirty: bool) -> None:
    if status.unmerged:
        files = listing(status.unmerged)
        raise SourceError(
            f"{root} has conflicts that are not resolved:\n{files}", hint="git status"
        )
    if not allow_dirty:
        changes = (*status.dirty, *status.untracked)
        counts = f"{len(status.dirty)} changed, {len(status.untracked)} untracked"
        commit = 'git add -A && git commit -m "…"' if status.untracked else 'git commit -am "…"'
        raise SourceError(
            f"{root} has changes that are not committed ({counts}):\n{listing(changes)}",
            hint=f"{commit}, or add --allow-dirty to pack them as a patch",
        )
    if status.dirty_submodules:
        raise uncommitted_in_submodule(root, status.dirty_submodules[0])


def _committed(repository: Repository, status: Status, commit: str) -> _Packed:
    return _Packed(
        root=repository.git.cwd,
        kind=SourceKind.COMMIT,
        git=repository.git,
        top=commit,
        tree=subtree(repository.git, commit, repository.subdirectory),
        subdirectory=repository.subdirectory,
        repository=repository,
        status=status,
    )


def _changed(repository: Repository, status: Status, commit: str) -> _Packed:
    packed = _uncommitted(repository, status)
    before = subtree(repository.git, commit, repository.subdirectory)
    changes = (*status.dirty, *status.untracked)
    found = warning(
        "source.dirty",
        f"files that are not as in the commit: {len(changes)}",
        f"only --allow-dirty packs them; the first is {display(changes[0])}",
    )
    return replace(
        packed,
        kind=SourceKind.DIRTY,
        patch=binary_patch(packed.git, before, packed.tree),
        findings=(found,),
    )


def _uncommitted(repository: Repository, status: Status) -> _Packed:
    written = write_dirty_tree(repository)
    found = warning(
        "source.no-commit",
        display(str(repository.git.cwd)),
        "its repository has no commit yet, so the files are packed as they are",
    )
    return _Packed(
        root=repository.git.cwd,
        kind=SourceKind.SNAPSHOT,
        git=written.git,
        top=written.top,
        tree=written.tree,
        subdirectory=repository.subdirectory,
        scratch=written.scratch,
        repository=repository,
        status=status,
        findings=(found,),
    )


def _snapshot(root: Path, why: str) -> _Packed:
    written = write_snapshot(root)
    found = warning(
        "source.not-a-repository",
        display(str(root)),
        f"{why}, so no commit says what was packed; its files are packed as they are",
    )
    return _Packed(
        root=root,
        kind=SourceKind.SNAPSHOT,
        git=written.git,
        top=written.top,
        tree=written.tree,
        scratch=written.scratch,
        findings=(found,),
    )


def _source(packed: _Packed) -> Source:
    reader = TreeReader(root=packed.root, check_submodules=packed.kind is not SourceKind.COMMIT)
    contents = reader.read(
        packed.git, top=packed.top, tree=packed.tree, subdirectory=packed.subdirectory
    )
    if not contents.entries:
        raise SourceError(
            f"{packed.root} has no files to pack",
            hint="add files, or see why git ignores them: git check-ignore -v *",
        )
    objects = _objects(packed, contents)
    entries, working_files, missing = complete(contents.entries, objects, packed.root)
    paths = Paths(entries)
    status = packed.status
    commit = status.commit if status else None
    git = packed.repository.git if packed.repository else None
    return Source(
        root=packed.root,
        kind=packed.kind,
        commit=commit,
        tree=packed.tree,
        branch=status.branch if status else None,
        remote=read_remote(git, status.branch) if git and status else None,
        tags=read_tags(git, commit) if git and commit else (),
        commit_time_s=commit_time_s(objects.read(commit)) if commit else None,
        subdirectory=packed.subdirectory,
        dirty=tuple(map(display, status.dirty)) if status and commit else (),
        untracked=tuple(map(display, status.untracked)) if status and commit else (),
        submodules=contents.submodules,
        patch=packed.patch,
        findings=(*packed.findings, *file_findings(entries, paths, missing)),
        shallow=packed.repository.shallow if packed.repository else False,
        _entries=entries,
        _paths=paths,
        _content=Content(objects, working_files),
    )


def _objects(packed: _Packed, contents: Contents) -> Objects:
    """One reader for the project's objects and those of all its submodules."""
    git, others = packed.git, contents.object_directories
    if others:
        git = with_objects(git, own=object_directory(git), others=others)
    return Objects(git, keep=packed.scratch)
