"""The groups and extras of an environment: those asked for, and those that are installed.

Owns: the values. Does not own: which are installed (`groups`). Imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass

from repropack.findings import Choice, Finding, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What repropack.yaml asks for: groups and extras besides those that are installed unasked,
    and groups that are not wanted. `unasked` False leaves the main dependencies alone.
    """

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    unasked: bool = True

    def __bool__(self) -> bool:
        return bool(self.groups or self.extras or self.without)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The groups and extras that are installed, in the file's own spelling, each with its reason.

    The main dependencies count besides them ("": there are none). `left` are the others that the
    file has.
    """

    path: str = ""
    main: str = "main"
    groups: tuple[Choice, ...] = ()
    extras: tuple[Choice, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def group_names(self) -> tuple[str, ...]:
        """The names of the groups, without the main one."""
        return tuple(choice.value for choice in self.groups)

    @property
    def extra_names(self) -> tuple[str, ...]:
        """The names of the extras."""
        return tuple(choice.value for choice in self.extras)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is installed and what is not; nothing where there is no choice."""
        used = tuple(filter(None, (self.main, *self.group_names, *self.extra_names)))
        if not self.left and len(used) < 2:
            return ()
        without = f"; not installed: {', '.join(self.left)}" if self.left else ""
        return (
            Finding(
                kind="environment.groups",
                value=", ".join(used),
                because=f"what {self.path} installs for a run: {', '.join(used)}{without}",
                where=Where(path=self.path),
            ),
        )


NO_PARTS = Parts()
#: The choice that is made where nobody says anything.
UNASKED = Selection()
#: The main dependencies and nothing else.
MAIN_ALONE = Selection(unasked=False)
