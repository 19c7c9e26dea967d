"""What `init` writes: always a config, with what could be inferred."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.config import Config, parse_config
from repropack.inspection import inspect
from repropack.judge.model import Experiment, Metric
from repropack.proposal import propose
from tests.unit.detectors.tree import Tree

TRAIN = """\
import argparse, json, torch
from torchvision import datasets
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=7)
parser.add_argument("--data", required=True)
args = parser.parse_args()
train = datasets.MNIST("data")
device = "cuda" if torch.cuda.is_available() else "cpu"
print(f"test accuracy: {accuracy:.4f}")
json.dump({"accuracy": evaluate(model), "lr": args.lr}, open("out/results.json", "w"))
"""


def proposed(files: dict[str, str]) -> tuple[str, Config]:
    """The text, and what it is read as."""
    tree = Tree(files)
    text = propose(inspect(tree, None), tree)
    return text, parse_config(text)


def test_everything_that_can_be_inferred() -> None:
    """Command, seed, outputs and metrics are proposed, each with where it comes from."""
    text, config = proposed({"train.py": TRAIN})
    assert config.name == "checkout"
    assert config.experiments == (
        Experiment(
            name="train",
            run="python train.py --seed {seed}",
            seeds=(7,),
            outputs=("out/results.json",),
            metrics=(
                Metric("accuracy", "json", "out/results.json", "accuracy"),
                Metric(
                    "test-accuracy", "stdout", "log.txt", r"test\s+accuracy:\s*([-+.\deE]+|nan|inf)"
                ),
            ),
        ),
    )
    assert "accuracy: {json: out/results.json, key: accuracy}    # line 10" in text
    assert "# network: true    # torchvision.datasets.MNIST, line 7" in text
    assert "# it also needs --data" in text


def test_a_gpu_that_is_required_is_written_down() -> None:
    """The author sees, with its reason, that a run will be refused without a GPU."""
    text, config = proposed({"a.py": "print(f'loss: {x}')\nmodel.cuda()\n"})
    assert config.experiments[0].gpu == "required"
    assert "gpu: required    # .cuda() in a.py:2: uses CUDA unconditionally" in text


def test_the_example_claim_is_accepted_once_its_marks_are_removed() -> None:
    """What the author uncomments is a claim about a metric that exists."""
    text, config = proposed({"train.py": TRAIN})
    assert config.claims == ()
    head, mark, tail = text.partition("claims:")
    completed = parse_config(head + mark + tail.replace("\n#", "\n"))
    assert [str(claim.metric) for claim in completed.claims] == ["train.accuracy"]


def test_commands_of_the_readme_become_experiments() -> None:
    """The README's own seed stays the seed, and other scripts are only named."""
    readme = "```\npython train.py --seed 42 --data x\npython eval.py --ckpt 'a b'\n```\n"
    main = "if __name__ == '__main__': main()\n"
    files = {"README.md": readme, "train.py": TRAIN, "eval.py": main, "plot.py": main}
    text, config = proposed(files)
    assert [(e.name, e.run, e.seeds) for e in config.experiments] == [
        ("train", "python train.py --seed {seed} --data x", (42,)),
        ("eval", "python eval.py --ckpt 'a b'", ()),
    ]
    assert "# Other scripts that could be experiments: plot.py" in text


def test_scripts_with_one_name_get_two() -> None:
    """Experiments are told apart by their directories."""
    code = "print(f'accuracy: {a}')\nif __name__ == '__main__': main()\n"
    _, config = proposed({"a/train.py": code, "b/train.py": code})
    assert [experiment.name for experiment in config.experiments] == ["train", "b-train"]


def test_nothing_to_run_leaves_an_example() -> None:
    """A repository without a script gets a file whose example is accepted once uncommented."""
    text, config = proposed({"data.csv": "1"})
    assert config == Config(name="checkout")
    completed = parse_config(text.replace("\n#  ", "\n  "))
    assert [experiment.name for experiment in completed.experiments] == ["main"]
    assert [str(claim.metric) for claim in completed.claims] == ["main.accuracy"]


def test_hostile_names_are_quoted_or_left_out() -> None:
    """File names and keys cannot become YAML, shell or comment lines of their own."""
    code = "print(f'accuracy: {a}')\n"
    _, config = proposed({"$(rm -rf x); y.py": code})
    assert [experiment.run for experiment in config.experiments] == ["python '$(rm -rf x); y.py'"]
    assert proposed({"a\nclaims: 1.py": code})[1].experiments == ()
    assert "claims: 1" not in proposed({"a\nclaims: 1.py": code, "b.py": code})[0]


def test_a_proposal_that_would_be_refused_is_not_made() -> None:
    """A script whose name looks like a placeholder gives no experiment rather than a bad one."""
    assert proposed({"{seed}.py": "print(f'accuracy: {a}')\n"})[1].experiments == ()


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(name=NAMES, key=st.text(max_size=12), path=st.text(max_size=12), option=NAMES)
def test_any_names_give_a_config(name: str, key: str, path: str, option: str) -> None:
    """Whatever files, keys, paths, labels and options are called, the proposal is a config."""
    code = (
        f"import json\np.add_argument({'--seed' + option!r}, dest='seed')\n"
        f"print({key + ': '!r}, x)\nprint('accuracy' {key!r} ': %f' % x)\n"
        f"json.dump({{{key!r}: f(x)}}, open({path!r}, 'w'))\n"
    )
    readme = f"```\npython {name}.py --seed 3 --x {json.dumps(option)}\n```\n"
    proposed({f"{name}.py": code, "README.md": readme})


SERVER = "from fastapi import FastAPI\nimport uvicorn\napp = FastAPI()\nuvicorn.run(app)\n"
FLASK = (
    "from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n"
)
CLOUD = "from sagemaker.pytorch import PyTorch\nPyTorch(entry_point='train.py').fit()\n"
POD = "from kubernetes import client\nclient.BatchV1Api().create_namespaced_job('x', {})\n"
GUARDED = "if __name__ == '__main__':\n    main()\n"


def test_servers_submissions_and_preparation_are_no_experiments() -> None:
    """What serves, submits to a cluster or prepares data is not proposed; the last is named."""
    files = {"serve.py": SERVER, "app.py": FLASK, "submit.py": CLOUD, "job.py": POD}
    text, config = proposed({**files, "download_data.py": GUARDED, "model/train.py": GUARDED})
    assert [experiment.run for experiment in config.experiments] == ["python model/train.py"]
    assert "#   python download_data.py" in text
    assert "serve.py" not in text and "submit.py" not in text and "job.py" not in text
    _, config = proposed(files)
    assert config.experiments == ()


def test_shell_scripts_say_how_scripts_are_run() -> None:
    """A complete command of run.sh is taken, a module too; what the README says comes first."""
    shell = "#!/bin/sh\nset -e\npython $MAIN\npython -u train.py --lr 0.1 \\\n  --wd 0\n"
    files = {"run.sh": shell, "train.py": GUARDED, "lab/eval.py": GUARDED, "other.py": GUARDED}
    text, config = proposed({**files, "scripts/eval.sh": "python -m lab.eval --x 1\n"})
    assert {experiment.run for experiment in config.experiments} == {
        "python -u train.py --lr 0.1 --wd 0",
        "python -m lab.eval --x 1",
    }
    assert "# run.sh:4 runs it" in text
    _, config = proposed({**files, "README.md": "```\npython other.py\n```\n"})
    assert [experiment.run for experiment in config.experiments] == ["python other.py"]


def test_notebooks_are_proposed_where_there_are_no_scripts() -> None:
    """Each runs as a whole; what it needs is said."""
    files = {"1 - Words.ipynb": "{}", "notebooks/2.ipynb": "{}", "deep/er/3.ipynb": "{}"}
    text, config = proposed(files)
    assert [(each.name, each.run) for each in config.experiments] == [
        ("1-words", "jupyter nbconvert --to notebook --execute --inplace '1 - Words.ipynb'"),
        ("2", "jupyter nbconvert --to notebook --execute --inplace notebooks/2.ipynb"),
    ]
    assert "nbconvert and ipykernel" in text and "metric: 1-words.accuracy" in text
    assert '#      accuracy: {notebook: "1 - Words.ipynb", pattern: ' in text
    assert [each.run for each in proposed({**files, "a.py": GUARDED})[1].experiments] == [
        "python a.py"
    ]


def test_a_launch_of_several_processes_is_proposed_as_it_is_written() -> None:
    """On one machine, with the seed behind the script's own options, and the GPU if it asks so."""
    line = "torchrun --nproc_per_node=2 train.py --data d"
    text, config = proposed({"README.md": f"```\n{line}\n```\n", "train.py": TRAIN})
    assert config.experiments[0].run == f"{line} --seed {{seed}}"
    assert "# README.md:2 runs it: one machine, 2 processes" in text
    assert config.experiments[0].gpu == "none"  # not said: inspection fills it in
    line = "accelerate launch --multi_gpu --num_processes 2 train.py"
    text, config = proposed({"README.md": f"```\n{line}\n```\n", "train.py": TRAIN})
    assert config.experiments[0].gpu == "required"
    assert "gpu: required    # the command asks for one process on each" in text
