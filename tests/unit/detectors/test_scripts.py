"""Files → what can be run, and how."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading
from repropack.detectors.scripts import detect, find_scripts, readme_commands
from tests.unit.detectors.tree import Tree

MAIN = "if __name__ == '__main__':\n    main()\n"


def readme(*lines: str) -> str:
    """A README with one fenced block, whose first line is line 4."""
    return "\n".join(["# X", "", "```bash", *lines, "```", ""])


@pytest.mark.parametrize(
    ("path", "code", "because"),
    [
        ("deep/er/job.py", MAIN, 'holds `if __name__ == "__main__"`'),
        ("lib/job.py", "import argparse\np.add_argument('--x')\nprint(1)\n", "reads command-line"),
        ("job.py", "print(1)\n", "does something when it is run"),
        ("lib/train.py", "for x in y:\n    print(1)\n", "does something when it is run"),
        ("lib/job.py", "print(1)\n", ""),
        ("job.py", "def f():\n    print(1)\n", ""),
    ],
)
def test_what_counts_as_a_script(path: str, code: str, because: str) -> None:
    """A main guard, options, or doing something in a likely place make a script."""
    scripts = find_scripts(Reading(Tree({path: code})))
    assert [script.path for script in scripts] == ([path] if because else [])
    assert all(because in script.because for script in scripts)


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        (["python train.py --lr 0.1"], "python train.py --lr 0.1"),
        (["$ python3 train.py"], "python3 train.py"),
        (["!python train.py"], "python train.py"),
        (["python train.py  # twenty minutes"], "python train.py"),
        (["CUDA_VISIBLE_DEVICES=0 python ./train.py"], "CUDA_VISIBLE_DEVICES=0 python ./train.py"),
        (
            ["python train.py \\", "    --lr 0.1 \\", "    --wd 0"],
            "python train.py --lr 0.1 --wd 0",
        ),
        (["python train.py --data <DIR>"], ""),
        (["python train.py --data /path/to/data"], ""),
        (["python train.py ..."], ""),
        (["python train.py --x 'unclosed"], ""),
        (["python absent.py"], ""),
        (["pip install train.py"], ""),
        (["ipython train.py"], ""),
    ],
)
def test_commands_of_the_readme(lines: list[str], command: str) -> None:
    """A complete command for a script that is there is taken from a fenced block."""
    tree = Tree({"README.md": readme(*lines), "train.py": MAIN})
    found = [text for text, _ in readme_commands(Reading(tree)).values()]
    assert found == ([command] if command else [])


def test_lines_of_commands_count_continued_lines() -> None:
    """The line of a command is right behind one that goes over several lines."""
    text = readme("python a.py \\", "  --x 1", "python b.py")
    tree = Tree({"README.md": text, "a.py": MAIN, "b.py": MAIN})
    where = {path: str(place) for path, (_, place) in readme_commands(Reading(tree)).items()}
    assert where == {"a.py": "README.md:4", "b.py": "README.md:6"}


def test_scripts_of_the_readme_come_first() -> None:
    """What the README runs is likelier an experiment than what has a likely name."""
    tree = Tree({"README.md": readme("python job.py"), "train.py": MAIN, "job.py": MAIN})
    assert [script.path for script in find_scripts(Reading(tree))] == ["job.py", "train.py"]


@pytest.mark.parametrize(
    ("declaration", "flag", "default"),
    [
        ("p.add_argument('--seed', type=int, default=42)", "--seed", 42),
        ("p.add_argument('-s', '--random-seed')", "--random-seed", None),
        ("@click.option('--seed', default=1)\ndef f(): pass", "--seed", 1),
        ("p.add_argument('--seed', default=-1)", "--seed", None),
        ("p.add_argument('--seedling')", None, None),
        ("p.add_argument('seed')", None, None),
    ],
)
def test_seed_options(declaration: str, flag: str | None, default: int | None) -> None:
    """The option that takes the seed is found with its default."""
    (script,) = find_scripts(Reading(Tree({"train.py": f"import click\n{declaration}\n{MAIN}"})))
    assert (script.seed.flag if script.seed else None, script.default_seed) == (flag, default)


def test_required_options_are_named() -> None:
    """A script that cannot run without an option says which."""
    code = f"p.add_argument('--data', required=True)\np.add_argument('--lr')\n{MAIN}"
    (script,) = find_scripts(Reading(Tree({"train.py": code})))
    assert script.needs == ("--data",)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("torchrun --nproc_per_node=4 train.py --lr 1", "one machine, 4 processes"),
        ("torchrun --standalone --nproc-per-node 2 ./train.py", "one machine, 2 processes"),
        ("torchrun --nnodes=1 train.py", "one machine, as many processes as it finds"),
        ("accelerate launch --num_processes 1 --cpu train.py", "one machine, 1 process"),
        ("accelerate launch --config_file c.yaml train.py", "as many processes as it finds"),
        ("CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc_per_node=2 -m train", "2 processes"),
        ("python -m torch.distributed.launch --nproc_per_node=8 train.py", "8 processes"),
        ("python3 -u -m torch.distributed.run --nproc_per_node 8 train.py", "8 processes"),
        ("torchrun --nnodes=2 --nproc_per_node=4 train.py", ""),
        ("torchrun --nnodes 1:4 train.py", ""),
        ("accelerate launch --num_machines 2 train.py", ""),
        ("python -m torch.distributed.launch --nnodes=1 --node_rank=1 train.py", ""),
        ("torchrun --nproc_per_node=$GPUS train.py", ""),
        ("torchrun --nproc_per_node=4 absent.py", ""),
        ("torchrun --help", ""),
    ],
)
def test_commands_that_start_several_processes(line: str, text: str) -> None:
    """A launch on one machine is a command of its script, with as many processes as written."""
    reading = Reading(Tree({"README.md": readme(line), "train.py": MAIN}))
    (script,) = find_scripts(reading)
    if not text:
        assert (script.command, script.launch) == ("python train.py", None)
        return
    assert script.command == line and script.launch is not None
    assert text in script.launch.text and script.launch.script == "train.py"
    assert any(text in f.because for f in detect(reading) if f.kind == "script.command")


def test_a_launch_in_a_shell_script_counts_too() -> None:
    """Scripts beside the README are read in the same way."""
    tree = Tree({"run.sh": "#!/bin/sh\ntorchrun --nproc_per_node=gpu a/b.py\n", "a/b.py": MAIN})
    (script,) = find_scripts(Reading(tree))
    assert script.launch is not None and script.launch.gpu
    assert str(script.readme) == "run.sh:2"
