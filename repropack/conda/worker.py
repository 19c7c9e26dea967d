"""Solving in a process of its own: a question as JSON on stdin, the answer as JSON on stdout.

Owns: everything that starts rattler's threads. They may outlive the interpreter and abort it, so
this process is left at once, without the interpreter's end.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import sys
from typing import Any


def main() -> None:
    """Answer one question: `packages`, or `error` (what kind) with a `message`."""
    answer = asyncio.run(answered(json.load(sys.stdin)))
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


async def answered(question: dict[str, Any]) -> dict[str, Any]:
    """The packages of a solution, or why there is none."""
    from rattler import exceptions

    try:
        return {"packages": [described(record) for record in await solved(question)]}
    except exceptions.SolverError as error:
        return {"error": "unsolvable", "message": str(error)}
    except (exceptions.InvalidMatchSpecError, exceptions.InvalidChannelError) as error:
        return {"error": "invalid", "message": str(error)}
    except (exceptions.GatewayError, exceptions.FetchRepoDataError, exceptions.IoError) as error:
        return {"error": "network", "message": str(error)}


async def solved(question: dict[str, Any]) -> list[Any]:
    """Ask rattler."""
    import rattler
    from rattler.channel import ChannelPriority
    from rattler.networking import AuthenticationMiddleware, Client, MirrorMiddleware
    from rattler.networking.middleware import RetryMiddleware
    from rattler.repo_data import Gateway

    mirrors = {url: [instead] for url, instead in question["mirrors"].items()}
    client = Client([MirrorMiddleware(mirrors), AuthenticationMiddleware(), RetryMiddleware(3)])
    date = question["date"]
    return await rattler.solve(
        [rattler.Channel(url) for url in question["channels"]],
        [rattler.MatchSpec(spec, strict=False) for spec in question["specs"]],
        gateway=Gateway(cache_dir=question["cache"], client=client),
        platforms=["linux-64", "noarch"],
        virtual_packages=[virtual(*each) for each in question["virtual"]],
        channel_priority=ChannelPriority.Strict if question["strict"] else ChannelPriority.Disabled,
        exclude_newer=datetime.datetime.fromisoformat(date) if date else None,
        # What has no date is older than dates in channels are.
        timestamp_policy="allow-missing",
    )


def virtual(name: str, version: str, build: str) -> Any:
    """What the machine itself provides: its kernel, its C library, its driver."""
    from rattler import GenericVirtualPackage, PackageName, Version
    from rattler.package import BuildString

    return GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))


def described(record: Any) -> dict[str, Any]:
    """One package as JSON."""
    hashes = [("sha256", record.sha256), ("md5", record.md5)]
    return {
        "name": record.name.source,
        "version": str(record.version),
        "build": str(record.build),
        "url": record.url,
        "hashes": [f"{name}:{value.hex()}" for name, value in hashes if value],
        "size_bytes": record.size,
        "depends": list(record.depends),
    }


if __name__ == "__main__":
    main()
