"""Building an image with Docker: the legacy builder through the SDK, or BuildKit through the CLI.

Owns: both builders, their logs, and naming the step that failed. Both build the same Dockerfile
with the network off and without the proxies of ~/.docker/config.json.
Does not own: what is built (`bundle`), or the tags and the size of the result (`docker`).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.engines.archive import pack, tree
from repropack.engines.build_log import BuildLog
from repropack.engines.diagnosis import explain
from repropack.engines.docker_add import add
from repropack.engines.docker_cli import DockerCli
from repropack.engines.docker_client import translated
from repropack.engines.docker_install import install
from repropack.engines.model import BuildRecipe, Progress
from repropack.errors import BuildError

if TYPE_CHECKING:
    from docker import APIClient

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_NO_PROXIES = tuple((name, "") for low in _PROXIES for name in (low, low.upper()))


def build_legacy(
    client: APIClient, recipe: BuildRecipe, progress: Progress, *, local: bool = False
) -> None:
    """Build `recipe` with the daemon's own builder; `BuildError` with the failing step.

    A daemon that is `local` sees the context where it is: it need not be sent packages.
    """
    with _build_log(recipe, progress) as log:
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
            network_mode="none",
            rm=True,
            forcerm=True,
            decode=True,
            use_config_proxy=False,
        ):
            _take(message, log)
    if log.error:
        raise _failed(log, recipe)
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
    with _build_log(recipe, progress) as log:
        process = subprocess.Popen(
            _command(cli, recipe),
            env=cli.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            for line in process.stdout or ():
                log.line(line.rstrip("\n"))
            code = process.wait()
        finally:
            _end(process)
        if code:
            raise _failed(log, recipe)


def _command(cli: DockerCli, recipe: BuildRecipe) -> list[str]:
    options = [*cli.build_command(), "--network", "none", "--progress", "plain"]
    options += ["--file", str(recipe.context / recipe.dockerfile), "--tag", recipe.tag]
    for name, value in recipe.labels:
        options += ["--label", f"{name}={value}"]
    # The CLI adds the proxies of its config file unless the command line names them.
    for name, value in (*_NO_PROXIES, *recipe.build_args):
        options += ["--build-arg", f"{name}={value}"]
    if recipe.target:
        options += ["--target", recipe.target]
    return [*options, "--", str(recipe.context)]


def _end(process: subprocess.Popen[str]) -> None:
    """Stop a build that is still going on (Ctrl-C): BuildKit cancels when its client leaves."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


@contextmanager
def _build_log(recipe: BuildRecipe, progress: Progress) -> Iterator[BuildLog]:
    try:
        recipe.log.parent.mkdir(parents=True, exist_ok=True)
        with recipe.log.open("w", encoding="utf-8", errors="replace") as stream:
            yield BuildLog(stream, progress)
    except OSError as error:
        place = error.filename or recipe.log
        raise BuildError(
            f"the image could not be built: {place}: {os.strerror(error.errno or 0)}",
            hint=explain(str(error)).hint or None,
            log=recipe.log,
        ) from error


def _failed(log: BuildLog, recipe: BuildRecipe) -> BuildError:
    known = explain(log.error or log.tail())
    what = known.what if known.hint else log.reason()
    where = f" in step {log.failing_step()}" if log.failing_step() else ""
    return BuildError(
        f"the image could not be built{where}: {what}",
        hint=known.hint or f"read the end of the log: {shown(recipe.log)}",
        log=recipe.log,
    )


def shown(path: Path) -> str:
    """Return the command that shows the end of a log."""
    return f"tail -n 40 '{path}'"
