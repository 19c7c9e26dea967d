"""The example with torch: what its lock says of CUDA, and that its CUDA image builds and runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repropack.project import look
from tests.cli.driver import docker, inside, remove_images, repropack
from tests.conftest import commit_all, example

CLAIM = "eca"


def test_plan_says_which_cuda(tmp_path: Path) -> None:
    """The lock is for CUDA 13.0: its driver, GPUs and slim base follow, each with its reason."""
    done = inside("plan", example("resnet-attention", tmp_path), "--json")
    assert done.code == 0, done.said
    rows = json.loads(done.out)["decisions"]
    decided = {row["what"]: (row["value"], row["because"]) for row in rows}
    assert decided["python"][0] == "3.11"
    assert decided["cuda"][0] == "13.0"
    assert decided["cuda"][1].startswith("cuda-toolkit==13.0.3.0 in requirements.txt:")
    assert decided["cudnn"][0] == "9.24.0.43"
    assert decided["driver"][0].startswith("580.")
    assert decided["driver"][1].startswith("the oldest driver for CUDA 13.x")
    assert decided["gpus of torch==2.14.1"][0] == "7.5 8.0 8.6 9.0 10.0 12.0"
    assert decided["gpus of torch==2.14.1"][1].startswith("the cu130 build")
    assert decided["cuda base"] == (
        "slim",
        "CUDA 13.0 comes with the wheels: the host brings only the driver",
    )


def test_plan_has_every_run(tmp_path: Path) -> None:
    """Five kinds of attention, each with five seeds."""
    done = inside("plan", example("resnet-attention", tmp_path), "--json")
    commands = [run["command"] for run in json.loads(done.out)["runs"]]
    assert len(commands) == len(set(commands)) == 25
    assert "python train.py --data digits --attention eca --seed 0" in commands


@pytest.mark.parametrize(
    ("name", "runs", "claims"),
    [("resnet-attention", 25, 2), ("resnet-depth", 6, 3)],
)
def test_cifar10_can_be_verified(name: str, runs: int, claims: int, tmp_path: Path) -> None:
    """The file for CIFAR-10 takes the place of the other: every run needs a GPU and the network."""
    project = example(name, tmp_path)
    (project / "cifar10.yaml").replace(project / "repropack.yaml")
    commit_all(project, "CIFAR-10")
    done = inside("plan", project, "--json")
    assert done.code == 0, done.said
    plan = json.loads(done.out)
    assert len(plan["runs"]) == runs
    assert all("--data cifar10" in run["command"] for run in plan["runs"])
    looked = look(project, allow_dirty=False)
    assert len(looked.config.claims) == claims
    (experiment,) = looked.config.experiments
    assert (experiment.gpu, experiment.network) == ("required", True)


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.network
def test_cuda_image_runs(tmp_path: Path) -> None:
    """The image with torch for CUDA 13.0 is built, trains, and reproduces a claim.

    The other example with torch does the same in the environment that is there by then.
    """
    project = example("resnet-attention", tmp_path)
    before = environments()
    try:
        done = repropack("verify", project, "--claim", CLAIM, "--json", timeout_s=3600)
        assert done.code == 0, done.said
        (found,) = project.glob(".repropack/verifications/*/runs/*seed0/outputs/results.json")
        results = json.loads(found.read_text("utf-8"))
        assert (results["torch"], results["cuda"]) == ("2.14.1+cu130", "13.0")
        shared = environments()
        depth = example("resnet-depth", tmp_path)
        done = repropack(
            "verify", depth, "--claim", "resnet18", "--runs", "1", "--json", timeout_s=3600
        )
        assert done.code == 0, done.said
        assert environments() == shared, "the other example has built an environment of its own"
    finally:
        remove_images("resnet-attention")
        remove_images("resnet-depth")
        for tag, size in environments().items() - before.items():
            if size.endswith("GB"):  # no other test makes one that large
                docker("rmi", tag)


def environments() -> dict[str, str]:
    """The environments that the engine has, by tag, with their sizes."""
    shown = "{{.Repository}}:{{.Tag}}={{.Size}}"
    rows = docker("images", "--format", shown, "repropack/environment")
    return {row.partition("=")[0]: row.partition("=")[2] for row in rows}
