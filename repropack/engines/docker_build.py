"""Building an image with Docker: the legacy builder through the SDK, or BuildKit through the CLI.

Owns: both builders, their logs, and naming the step that failed. Both build the same Dockerfile
with the network off and without the proxies of ~/.docker/config.json.
Does not own: what is built (`bundle`), or the tags and the size of the result (`docker`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from repropack.engines.archive import pack, tree
from repropack.engines.build_log import BuildLog
from repropack.engines.building import PROXIES, build_log, build_with, failed
from repropack.engines.docker_add import add
from repropack.engines.docker_cli import DockerCli
from repropack.engines.docker_client import translated
from repropack.engines.docker_install import install
from repropack.engines.model import BuildRecipe, Progress
from repropack.errors import BuildError

if TYPE_CHECKING:
    from docker import APIClient

_NO_PROXIES = tuple((name, "") for name in PROXIES)


def build_legacy(
    client: APIClient, recipe: BuildRecipe, progress: Progress, *, local: bool = False
) -> None:
    """Build `recipe` with the daemon's own builder; `BuildError` with the failing step.

    A daemon that is `local` sees the context where it is: it need not be sent packages.
    """
    with build_log(recipe, progress) as log:
        if add(client, recipe, log.line):
            return
        if local and install(client, recipe, partial(_build_shell, client, log), log.line):
            return
        try:
            _build_legacy(client, recipe, log)
        finally:
            if log.stages > 1:
                _remove_left_over(client, log.made)


def _build_shell(client: APIClient, log: BuildLog, recipe: BuildRecipe) -> None:
    _build_legacy(client, recipe, log)
    log.done = False


def _build_legacy(client: APIClient, recipe: BuildRecipe, log: BuildLog) -> None:
    log.line(f"sending {recipe.context} to the engine")
    with translated(BuildError, "the build was cut off", log=recipe.log):
        for message in client.build(
            fileobj=pack(recipe.context, _context(recipe)),  # type: ignore[arg-type]
            custom_context=True,
            dockerfile=recipe.dockerfile,
            tag=recipe.tag,
            labels=dict(recipe.labels),
            buildargs=dict(recipe.build_args),
            target=recipe.target,
            nocache=recipe.fresh,
            network_mode="none",
            rm=True,
            forcerm=True,
            decode=True,
            use_config_proxy=False,
        ):
            _take(message, log)
    if log.error:
        raise failed(log, recipe)
    if not log.done:
        raise BuildError(
            "the build was cut off: the Docker daemon stopped answering",
            hint="start it: sudo systemctl start docker",
            log=recipe.log,
        )


def _remove_left_over(client: APIClient, made: Sequence[str]) -> None:
    """Remove what this build made and nothing needs: the stages that are thrown away.

    The daemon itself refuses for an image that another one is made of; one with a tag is kept.
    """
    import docker.errors
    import requests

    for image in reversed(made):
        try:
            found: dict[str, object] = client.inspect_image(image)  # type: ignore[no-untyped-call]
            if not found["RepoTags"]:
                client.remove_image(image, noprune=True)
        except (docker.errors.APIError, requests.RequestException):
            continue  # left for `docker image prune`; the build itself is what counts


def _take(message: dict[str, object], log: BuildLog) -> None:
    """Take one message of the legacy builder's stream: output, the image's id, or the error."""
    for line in str(message.get("stream", "")).splitlines():
        log.line(line)
    if "aux" in message:
        log.done = True
    if "error" in message:
        log.error = str(message["error"])
        log.line(log.error)


def _context(recipe: BuildRecipe) -> Iterator[str]:
    ignore = recipe.context / ".dockerignore"
    if not ignore.exists():
        return tree(recipe.context)
    from docker.utils import exclude_paths

    lines = ignore.read_text("utf-8", "replace").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    names = exclude_paths(str(recipe.context), patterns, dockerfile=recipe.dockerfile)
    return iter(sorted(name for name in names if name))


def build_buildkit(cli: DockerCli, recipe: BuildRecipe, progress: Progress) -> None:
    """Build `recipe` with BuildKit through the docker CLI; `BuildError` with the failing step."""
    load = cli.load_command() if recipe.exact else None
    build_with(_command(cli, recipe), cli.environment(), recipe, progress, load=load)


def _command(cli: DockerCli, recipe: BuildRecipe) -> list[str]:
    options = [*cli.build_command(exact=recipe.exact), "--network", "none", "--progress", "plain"]
    options += ["--no-cache"] if recipe.fresh else []
    options += ["--file", str(recipe.context / recipe.dockerfile), "--tag", recipe.tag]
    for name, value in recipe.labels:
        options += ["--label", f"{name}={value}"]
    # The CLI adds the proxies of its config file unless the command line names them.
    for name, value in (*_NO_PROXIES, *cli.time_args(), *recipe.build_args):
        options += ["--build-arg", f"{name}={value}"]
    if recipe.target:
        options += ["--target", recipe.target]
    return [*options, "--", str(recipe.context)]
