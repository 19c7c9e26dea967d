"""Files → what can be run, and how."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading
from repropack.detectors.scripts import find_scripts, readme_commands
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
