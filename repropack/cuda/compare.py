"""A plan and a machine, compared before anything runs: what will fail, and what to do about it.

Owns: the messages and their fixes. Does not own: reading the machine (`host`, `engines`), or the
messages of engines that failed already (`engines.diagnosis`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from repropack.cuda.drivers import branch, driver_for, is_at_least, last_branch
from repropack.cuda.host import Host, HostGpu
from repropack.cuda.model import Build, CudaPlan, Match, State
from repropack.cuda.nearest import Want, nearest
from repropack.findings import Choice, Severity

TOOLKIT = {
    "docker": "install nvidia-container-toolkit, then "
    "`sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker`",
    "podman": "install nvidia-container-toolkit, then "
    "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`",
}
CDI = (
    "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`, or "
    "`sudo systemctl restart nvidia-cdi-refresh`; `nvidia-ctk cdi list` shows what there is"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that stands in the way of using the GPU, and its fix.

    `severity` is `problem` if a run that needs the GPU fails, `warning` if it may.
    """

    kind: str
    what: str
    fix: str
    severity: Severity = Severity.PROBLEM


def compare(
    plan: CudaPlan,
    host: Host,
    *,
    gpu: str = "required",
    python: str | None = None,
) -> tuple[Problem, ...]:
    """What keeps an environment from using this machine's GPUs; () when all is well.

    `gpu` is what an experiment says (`none`, `optional`, `required`); with `python` only builds
    that have wheels for it are proposed. Of several GPUs the first that runs is enough.
    """
    if gpu == "none":
        return ()
    if plan.state in (State.NONE, State.CPU):
        return (*no_cuda(plan, gpu),)
    if not host.gpus:
        return (no_gpu(gpu),)
    perhaps = Severity.PROBLEM if gpu == "required" else Severity.WARNING
    found = [*handover(host, perhaps)]
    per_gpu = [tuple(about(plan, one, python, perhaps)) for one in distinct(host.gpus)]
    usable = any(all(p.severity is not perhaps for p in problems) for problems in per_gpu)
    for problems in per_gpu:
        found += [weaker(problem) if usable else problem for problem in problems]
    return tuple(dict.fromkeys(found))


def no_cuda(plan: CudaPlan, gpu: str) -> Iterator[Problem]:
    """An environment without CUDA cannot use a GPU, whatever the machine has."""
    if gpu == "required":
        yield Problem(
            kind="gpu.no-cuda",
            what=f"a GPU is required, and the environment has no CUDA: {plan.cuda.because}",
            fix="lock a build with CUDA, or set `gpu: none` for the experiment",
        )


def no_gpu(gpu: str) -> Problem:
    """Nothing to run on."""
    required = gpu == "required"
    return Problem(
        kind="gpu.none",
        what="this machine shows no NVIDIA GPU",
        fix="`nvidia-smi` must list one: install the NVIDIA driver, or use another machine"
        if required
        else "nothing to do: the experiments run on the CPU, and the record says so",
        severity=Severity.PROBLEM if required else Severity.WARNING,
    )


def handover(host: Host, severity: Severity) -> Iterator[Problem]:
    """Whether the engine can hand a GPU to a container."""
    if host.engine == "venv":
        return
    if not host.gpu_runtime:
        yield Problem(
            kind="gpu.toolkit",
            what=f"{host.engine} cannot hand the GPU to a container: the NVIDIA container toolkit "
            "is missing or not configured",
            fix=TOOLKIT.get(host.engine, TOOLKIT["podman"]),
            severity=severity,
        )
    elif host.gpu_runtime == "cdi" and host.cdi_devices == ():
        yield Problem(
            kind="gpu.cdi",
            what=f"{host.engine} finds GPUs through CDI, and there is no CDI description of one",
            fix=CDI,
            severity=severity,
        )


def distinct(gpus: tuple[HostGpu, ...]) -> tuple[HostGpu, ...]:
    """One of each kind of GPU."""
    kinds = {(one.name, one.compute_capability, one.driver_version): one for one in reversed(gpus)}
    return tuple(reversed(kinds.values()))


def weaker(problem: Problem) -> Problem:
    """What is wrong with a GPU beside one that runs is a warning."""
    return Problem(kind=problem.kind, what=problem.what, fix=problem.fix, severity=Severity.WARNING)


def about(
    plan: CudaPlan, one: HostGpu, python: str | None, severity: Severity
) -> Iterator[Problem]:
    """Everything about one GPU."""
    if not one.driver_version:
        yield Problem(
            kind="gpu.unknown",
            what=f"the driver version of {one} is not known",
            fix="`nvidia-smi` must work: reinstall the NVIDIA driver, and restart after an update",
            severity=Severity.WARNING,
        )
    if not plan.builds:
        yield from driver_problem(plan.driver, one, plan.cuda.because, None, severity)
    for build in plan.builds:
        want = Want(
            capability=one.compute_capability, driver=one.driver_version or None, python=python
        )
        yield from about_build(build, one, want, severity)


def about_build(build: Build, one: HostGpu, want: Want, severity: Severity) -> Iterator[Problem]:
    """Whether one build runs on one GPU: code for it first, then its driver."""
    if build.cuda is None:
        return
    match = Match.MACHINE_CODE
    if build.coverage is not None and one.compute_capability is not None:
        match = build.coverage.match(one.compute_capability)
    if match is Match.NONE:
        instead = nearest(build, want) or nearest(
            build, Want(capability=want.capability, driver=None)
        )
        yield Problem(
            kind="gpu.capability",
            what=f"{build} (CUDA {build.cuda}) has no code for the {one}; it covers "
            f"{build.coverage}: it would stop with `no kernel image is available`",
            fix=f"lock {instead}" if instead else "use a GPU that it covers: no build covers this",
            severity=severity,
        )
        return
    needed = driver_for(build.cuda, toolkit=build.toolkit, match=match)
    yield from driver_problem(needed, one, str(build), nearest(build, want), severity)


def driver_problem(
    needed: Choice | None, one: HostGpu, who: str, instead: str | None, severity: Severity
) -> Iterator[Problem]:
    """A driver that is too old, with the two ways out of it."""
    if needed is None or not one.driver_version or is_at_least(one.driver_version, needed.value):
        return
    yield Problem(
        kind="gpu.driver",
        what=f"{who} needs NVIDIA driver {needed.value} or newer ({needed.because}); this machine "
        f"has {one.driver_version}",
        fix=driver_fix(needed.value, one, instead),
        severity=severity,
    )


def driver_fix(needed: str, one: HostGpu, instead: str | None) -> str:
    """Update the driver, if one for this GPU exists; or a build that runs with this driver."""
    last = last_branch(one.compute_capability) if one.compute_capability else None
    lock = f"lock {instead}, which runs with this driver" if instead else ""
    if last is not None and last < branch(needed):
        ending = lock or "use a newer GPU, or run it on a CPU"
        return f"no driver after the {last} series supports the {one}: {ending}"
    update = f"update the NVIDIA driver to {needed} or newer"
    return f"{update}, or {lock}" if lock else update
