"""`init`, fill in the claims, commit, `verify`: the way of an author without repropack.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.config import parse_config
from tests.cli.driver import inside, project, remove_images, repropack
from tests.conftest import commit_all

TRAIN = """\
import argparse, json, random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=3)
args = parser.parse_args()
random.seed(args.seed)
for epoch in range(args.epochs):
    print(f"epoch {epoch}: loss {1 / (epoch + 1):.3f}")
accuracy = 0.9 + random.random() / 1000
with open("results.json", "w") as file:
    json.dump({"test": {"accuracy": accuracy}}, file)
"""
PRINT = """\
scores = [0.5, 0.75]

if __name__ == "__main__":
    mean = sum(scores) / len(scores)
    print(f"Mean F1: {mean:.3f}")
"""
README = "# A paper\n\n```bash\npip install -r requirements.txt\npython train.py --seed 3\n```\n"


def fill_in(directory: Path, metric: str, value: str) -> None:
    """What an author does with the example of a claim: remove the '#', put the number in."""
    path = directory / "repropack.yaml"
    head, example = path.read_text().split("\nclaims:", 1)
    assert f"metric: {metric}\n" in example
    lines = [line[1:] for line in example.splitlines() if line.startswith("#")]
    kept = [line for line in lines if "scale:" not in line and "tolerance:" not in line]
    claim = "\n".join(kept).replace('"97.0"', f'"{value}"')
    path.write_text(f"{head}\nclaims:\n{claim}\n")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("files", "metric", "value"),
    [
        ({"train.py": TRAIN, "README.md": README}, "train.test.accuracy", "0.90"),
        ({"evaluate.py": PRINT}, "evaluate.mean-f1", "0.625"),
    ],
    ids=["json", "stdout"],
)
def test_init_to_verdict(
    files: dict[str, str | bytes], metric: str, value: str, tmp_path: Path
) -> None:
    """init writes a file that needs nothing but the claim's number, and then verify accepts it."""
    directory = project(tmp_path / "initialised", files)
    assert "`repropack init" in inside("verify", directory).err
    written = inside("init", directory)
    assert written.code == 0, written.said
    assert f"experiments found: {metric.split('.')[0]}" in written.out
    unfilled = inside("verify", "--allow-dirty", directory)
    assert (unfilled.code, "claims nothing" in unfilled.err) == (3, True), unfilled.said
    fill_in(directory, metric, value)
    uncommitted = inside("verify", directory)
    assert (uncommitted.code, "not committed" in uncommitted.err) == (3, True), uncommitted.said
    commit_all(directory, "say what is claimed")
    done = repropack("verify", directory)
    assert done.code == 0, done.said
    assert "reproduced: 1 of 1 claims" in done.out
    remove_images("initialised")


def test_init_knows_the_seed_of_the_readme(tmp_path: Path) -> None:
    """The README's command becomes the experiment, and its seed a placeholder."""
    directory = project(tmp_path / "p", {"train.py": TRAIN, "README.md": README})
    assert inside("init", directory).code == 0
    (experiment,) = parse_config((directory / "repropack.yaml").read_text()).experiments
    assert experiment.run == "python train.py --seed {seed}"
    assert experiment.seeds == (3,)


def test_init_replaces_nothing(tmp_path: Path) -> None:
    """A repropack.yaml that exists stays, unless --force."""
    directory = project(tmp_path / "p", {"train.py": TRAIN, "repropack.yaml": "mine: 1\n"})
    done = inside("init", directory)
    assert (done.code, "--force" in done.err) == (2, True), done.said
    assert (directory / "repropack.yaml").read_text() == "mine: 1\n"
    assert inside("init", "--force", directory).code == 0
    assert "train" in (directory / "repropack.yaml").read_text()


def test_init_without_a_script(tmp_path: Path) -> None:
    """Where nothing can be run, init says so and shows how an experiment is written."""
    directory = project(tmp_path / "p", {"notes.txt": "nothing\n"})
    done = inside("init", directory)
    assert (done.code, "experiments found: none" in done.out) == (0, True), done.said
    assert "#    run: python main.py" in (directory / "repropack.yaml").read_text()
