"""Trees of what is in the directory and in no commit, written beside the user's repository.

Owns: the temporary index, object directory and repository that such trees are made with.
Does not own: reading the trees (`tree`).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from repropack.errors import SourceError
from repropack.source.git import Git, Scratch
from repropack.source.names import WORKING_DIRECTORY, encode
from repropack.source.repository import Repository

_EVERYTHING = ("--", ".", f":(exclude,glob)**/{WORKING_DIRECTORY}/**")

# Changed LFS files enter with their content; git-lfs would put it into the user's repository.
_WITHOUT_LFS = (
    *("-c", "filter.lfs.clean="),
    *("-c", "filter.lfs.process="),
    *("-c", "filter.lfs.required=false"),
)

# Of higher rank than any .gitattributes: a snapshot holds the bytes that are on the disk.
_EXACT_BYTES = "* -text -eol -filter -ident -working-tree-encoding\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTree:
    """A tree in `scratch`, readable with `git`; `top` is the tree that `.gitmodules` lies in."""

    git: Git
    scratch: Scratch
    top: str
    tree: str


def write_dirty_tree(repository: Repository) -> WrittenTree:
    """The tree that committing everything in the project's directory would make.

    Nothing is written to the user's repository: the index is a copy (for what it knows of
    unchanged files) and new objects go into a temporary directory.
    """
    scratch = Scratch()
    git_directory = repository.git.cwd / _path(repository.git, "rev-parse", "--git-dir")
    index = scratch.path / "index"
    if (git_directory / "index").exists():
        # With its time: git compares it to the files' to know which ones to read again.
        shutil.copy2(git_directory / "index", index)
    (scratch.path / "objects").mkdir()
    git = with_objects(
        Git(cwd=repository.git.cwd, variables={"GIT_INDEX_FILE": str(index)}),
        own=scratch.path / "objects",
        others=(object_directory(repository.git),),
    )
    top = _write(git)
    return WrittenTree(
        git=git, scratch=scratch, top=top, tree=subtree(git, top, repository.subdirectory)
    )


def write_snapshot(root: Path) -> WrittenTree:
    """The tree of a directory without a repository; .gitignore files count as they would in one."""
    scratch = Scratch()
    variables = {"GIT_DIR": str(scratch.path / "git"), "GIT_WORK_TREE": str(root)}
    git = Git(cwd=root, variables=variables)
    git.run("init", "--quiet", "--template=", "--object-format=sha1")
    information = scratch.path / "git" / "info"
    information.mkdir(exist_ok=True)
    (information / "attributes").write_text(_EXACT_BYTES)
    top = _write(git)
    return WrittenTree(git=git, scratch=scratch, top=top, tree=top)


def with_objects(git: Git, *, own: Path, others: tuple[Path, ...]) -> Git:
    """`git` with its objects in `own`, and reading those of `others` as well."""
    alternates = git.variables.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    known = [alternates] if alternates else []
    return Git(
        cwd=git.cwd,
        variables={
            **git.variables,
            "GIT_OBJECT_DIRECTORY": str(own),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join([*known, *map(_quoted, others)]),
        },
    )


def object_directory(git: Git) -> Path:
    """Where the repository that `git` runs in keeps its objects; linked worktrees share one."""
    return git.cwd / _path(git, "rev-parse", "--git-path", "objects")


def subtree(git: Git, top: str, subdirectory: str) -> str:
    """The id of the tree at `subdirectory` in the tree or commit `top`; the empty tree's if none.

    Raises SourceError where a file stands at that path.
    """
    found = git.ask("rev-parse", "--verify", "--quiet", f"{top}:".encode() + encode(subdirectory))
    if found is None:
        return git.run("hash-object", "-t", "tree", "--stdin").decode().strip()
    tree = found.decode().strip()
    if git.run("cat-file", "-t", tree).strip() != b"tree":
        raise SourceError(f"{git.cwd} is a directory here, but something else in {top[:12]}")
    return tree


def binary_patch(git: Git, old: str, new: str) -> bytes:
    """The difference of two trees as `git apply` takes it, the same on every machine."""
    return git.run(
        *("diff-tree", "-r", "-p", "--binary", "--full-index", "--no-renames", "--no-color"),
        *("--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", old, new),
    )


def _write(git: Git) -> str:
    git.run(*_WITHOUT_LFS, "add", "--all", *_EVERYTHING)
    return git.run("write-tree").decode().strip()


def _path(git: Git, *args: str) -> Path:
    return Path(os.fsdecode(git.run(*args).removesuffix(b"\n")))


def _quoted(path: Path) -> str:
    """A path as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, where colons and quotes are special."""
    text = str(path)
    if not any(c in text for c in ':"\\\n'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
