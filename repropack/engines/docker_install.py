"""The stage that installs packages, past the legacy builder.

That builder copies much: the context is packed, sent, unpacked, copied into a layer; what is then
installed is packed and unpacked as a layer, copied into the next stage, and packed and unpacked
once more. Here the same instructions are run in one container that sees the context, and which is
committed: the environment is written and packed once.

Owns: recognising a Dockerfile for which this makes the same image, and making it. Whatever it does
not know or cannot do is left to the builder, which then says what is wrong. Does not own: builders.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from repropack.engines.docker_client import failures, patience
from repropack.engines.docker_run import remove
from repropack.engines.model import BuildRecipe
from repropack.engines.owners import SHELL, mark
from repropack.marks import scratch

if TYPE_CHECKING:
    from docker import APIClient

Builder = Callable[[BuildRecipe], None]

#: A directory that every Debian has: it hides behind a volume, which is no part of an image.
DESK = "/mnt"
_COPY_FROM = re.compile(r"COPY --from=(\S+) (/\S+) \2")
_STAGE = re.compile(r"FROM \S+ AS (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A Dockerfile taken apart: what an image is `shell` with `kept`, which `commands` make.

    `inputs` are (path in the context, path below the working directory) that the commands read.
    """

    shell: str
    commands: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    kept: str


def installation_of(dockerfile: str, target: str | None) -> Installation | None:
    """Take a Dockerfile apart; None if its last stage does not end by copying from another."""
    stages = _stages(dockerfile)
    names = list(stages)
    if len(names) != 3 or names[2] != target:
        return None
    copied = _COPY_FROM.fullmatch(stages[names[2]][-1])
    if copied is None or copied[1] != names[1] or "--from" in "".join(stages[names[2]][:-1]):
        return None
    steps = _steps(stages[names[1]][1:])
    if steps is None:
        return None
    commands, inputs = steps
    shell = "\n".join((*stages[""], *stages[names[2]][:-1])) + "\n"
    return Installation(shell=shell, commands=commands, inputs=inputs, kept=copied[2])


def _stages(dockerfile: str) -> dict[str, list[str]]:
    """Stage → its instructions, each on one line; those in front of the first stage under ""."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and line[0] != "#"]
    stages: dict[str, list[str]] = {"": []}
    for instruction in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if stage := _STAGE.fullmatch(instruction):
            stages[stage[1]] = []
        stages[list(stages)[-1]].append(instruction)
    return stages


def _steps(
    instructions: list[str],
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]] | None:
    """The commands of a stage and what they read; None for a stage that holds anything else."""
    commands: list[str] = []
    inputs: list[tuple[str, str]] = []
    directory, ended = "/", False
    for instruction in instructions:
        word, _, rest = instruction.partition(" ")
        words = rest.split()
        if word == "WORKDIR" and not commands and not inputs:
            directory = rest
        elif word == "COPY" and _is_plain(words) and not ended:
            inputs.extend((source, _landing(source, words[-1])) for source in words[:-1])
        elif word == "RUN" and directory not in rest and not ended:
            commands.append(rest)
        elif word in ("ARG", "LABEL"):
            ended = True  # what follows is for whoever cleans up; before a command it would count
        else:
            return None
    return (tuple(commands), tuple(inputs)) if commands else None


def _is_plain(words: list[str]) -> bool:
    """Whether a COPY has no option, and puts what it copies below the working directory."""
    several = len(words) > 2
    paths = all(word[0] not in "-/[" for word in words)
    return len(words) > 1 and paths and (not several or words[-1].endswith("/"))


def _landing(source: str, target: str) -> str:
    """Where a COPY puts its source: a directory's content goes into the target, a file beside."""
    if source.endswith("/") or not target.endswith("/"):
        return target.rstrip("/")
    return (PurePosixPath(target) / PurePosixPath(source).name).as_posix()


def install(
    client: APIClient, recipe: BuildRecipe, build: Builder, say: Callable[[str], None]
) -> bool:
    """Make the image of `recipe` past the builder; False, with a line to `say`, if it cannot be.

    `build` is the builder: it makes the part of the image that is quick.
    """
    text = (recipe.context / recipe.dockerfile).read_text("utf-8")
    found = installation_of(text, recipe.target)
    if found is None:
        return False
    say("installing packages")
    try:
        with _shell(client, recipe, found, build) as shell:
            return _install(client, recipe, found, shell, say)
    except failures() as error:
        say(f"left to the builder: {error}")
        return False


@contextmanager
def _shell(
    client: APIClient, recipe: BuildRecipe, found: Installation, build: Builder
) -> Iterator[str]:
    """The image without what is installed, under a tag that lasts as long as it is needed."""
    tag = f"{SHELL}:{mark()}"
    with scratch(Path(tempfile.gettempdir()), "repropack-shell-") as context:
        (context / "Dockerfile").write_text(found.shell, "utf-8")
        build(
            replace(
                recipe,
                context=context,
                dockerfile="Dockerfile",
                tag=tag,
                extra_tags=(),
            )
        )
    try:
        yield tag
    finally:
        with suppress(*failures()):
            client.remove_image(tag, noprune=True)


def _install(
    client: APIClient,
    recipe: BuildRecipe,
    found: Installation,
    shell: str,
    say: Callable[[str], None],
) -> bool:
    """Run the commands in a container on the shell, and commit it if nothing else has changed."""
    config = _config(client, shell)
    base = _config(client, dict(recipe.build_args).get("BASE", shell))
    if config.get("Entrypoint"):
        return False
    name = f"repropack-install-{mark()}"
    script = _script(found, tuple(base.get("Env") or ()))
    try:
        client.create_container(
            image=shell,
            name=name,
            command=["/bin/sh", "-euc", script],
            user="0:0",
            working_dir=DESK,
            host_config=_host_config(client, recipe.context, found),
            use_config_proxy=False,
        )
        client.start(name)
        for chunk in client.logs(name, stream=True, follow=True):
            for line in chunk.decode("utf-8", "replace").splitlines():
                say(line)
        code = int(client.wait(name)["StatusCode"])
        with patience(client):
            stray = _stray(client.diff(name) or (), found.kept) if code == 0 else ""
            if code or stray:
                say(f"left to the builder: {stray or f'exit code {code}'}")
                return False
            repository, _, tag = recipe.tag.rpartition(":")
            client.commit(name, repository, tag, message=f"install {found.kept}", conf=config)
        return True
    finally:
        remove(client, name)


def _config(client: APIClient, image: str) -> dict[str, Any]:
    """What an image says of its containers."""
    return dict(client.inspect_image(image).get("Config") or {})  # type: ignore[no-untyped-call]


def _host_config(client: APIClient, context: Path, found: Installation) -> Any:
    """The network off; the files that the commands read, where the commands look for them."""
    from docker.types import Mount

    mounts = [Mount(target=DESK, source=None, type="volume")]
    for source, target in found.inputs:
        path = (context / source.rstrip("/")).resolve(strict=True)
        if path.is_dir() != source.endswith("/"):
            raise IsADirectoryError(source)  # where its content goes depends on the target
        place = (PurePosixPath(DESK) / target).as_posix()
        mounts.append(Mount(target=place, source=str(path), type="bind", read_only=True))
    return client.create_host_config(network_mode="none", mounts=mounts)


def _script(found: Installation, environment: tuple[str, ...]) -> str:
    """The commands with the base's environment, and without what they leave beside `kept`.

    Temporary files stand on the file system of what is kept, so that uv can link what it unpacks.
    """
    parent, name = (str(part) for part in (PurePosixPath(found.kept).parent, found.kept))
    temporary = f"{parent}/.repropack-tmp"
    given = " ".join(shlex.quote(pair) for pair in (*environment, "HOME=/root"))
    run = f"env -i {given} TMPDIR={shlex.quote(temporary)} /bin/sh -c"
    return "\n".join(
        (
            f"before=$(ls -A {parent} | tr '\\n' ' '); mkdir {temporary}",
            *(f"{run} {shlex.quote(command)}" for command in found.commands),
            f"for each in $(ls -A {parent}); do",
            '  case " "$before" " in *" $each "*) continue ;; esac',
            f'  [ "{parent}/$each" = {name} ] || rm -rf "{parent}/$each"',
            "done",
        )
    )


def _stray(changes: Any, kept: str) -> str:
    """The first path that is neither kept nor on the way to it; "" if there is none."""
    way = {str(parent) for parent in PurePosixPath(kept).parents}
    paths = (str(change["Path"]) for change in changes)
    strays = (path for path in paths if path not in way and not f"{path}/".startswith(f"{kept}/"))
    return next(strays, "")
