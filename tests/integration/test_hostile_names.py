"""Names and values that mean something to a shell, a Dockerfile, git or a file system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.driver import containers, inside, project, remove_images, repropack, traces
from tests.conftest import commit_all, git

#: Each would leave a file called PWNED, or end, open or start something, if it were believed.
VALUES = (
    "; touch PWNED",
    "$(touch PWNED) `touch PWNED`",
    "' touch PWNED '",
    '" touch PWNED "',
    "--help",
    "a b * ~ $HOME # %s%n ünï→ \\nRUN touch PWNED \\",
)
HOSTILE_NAMES = (
    "; rm -rf x",
    "$(touch PWNED)",
    "`id`",
    "a'b",
    'a"b',
    "-rf",
    "--help",
    "../../etc",
    "/etc/passwd",
    "a\nb",
    "a\tb",
    "a\x1b[2Jb",
    "a\u202eb",
    "",
    " ",
    ".hidden",
    "x" * 300,
)
CONFIG = """\
{{"name": {name}, "experiments": {{{experiment}: {{
  "run": {run}, "matrix": {{{parameter}: [a]}}, "env": {{{variable}: {text}}},
  "outputs": [{output}], "metrics": {{{metric}: {{"json": {file}, "key": "x"}}}}}}}},
 "environment": {{"lock": {lock}, "apt": [{apt}]}},
 "datasets": {{{dataset}: {{"path": {path}}}}},
 "claims": [{{"id": {claim}, "metric": "e.m", "value": {value}, "source": {source}}}]}}
"""
SOUND = {
    **{"name": "p", "experiment": "e", "run": "ls {q}", "parameter": "q", "variable": "V"},
    **{"text": "t", "output": "o", "metric": "m", "file": "r.json", "lock": "l.txt", "apt": "libx"},
    **{"dataset": "d", "path": "data", "claim": "c", "value": "1", "source": "s"},
}
NAMED = ("name", "experiment", "parameter", "variable", "metric", "dataset", "claim", "apt")
MAY_BE_LONG = ("variable", "apt")
PATHS = ("output", "file", "lock", "path")
TEXTS = ("run", "text", "source")


def config(**changed: str) -> str:
    """A config in which each field is sound but those that are given."""
    return CONFIG.format(**{key: json.dumps(text) for key, text in {**SOUND, **changed}.items()})


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose config each test writes anew."""
    return project(tmp_path_factory.mktemp("hostile"), {"a.py": "print(1)\n", "l.txt": ""})


def refused(directory: Path, text: str) -> str:
    """What the command says about a config; it must end with 3 and do nothing."""
    shutil.rmtree(directory / ".repropack", ignore_errors=True)
    (directory / "repropack.yaml").write_text(text)
    commit_all(directory)
    done = inside("verify", directory)
    assert done.code == 3, done.said
    assert done.err.count("error: ") == 1
    assert done.err.isprintable() or all(c.isprintable() or c == "\n" for c in done.err)
    assert not (directory / ".repropack").exists()
    return done.err


@pytest.mark.parametrize("field", NAMED)
def test_hostile_names_are_refused(field: str, directory: Path) -> None:
    """What becomes part of a path, an image's or a container's name is a plain name, or exit 3."""
    for name in HOSTILE_NAMES[: -1 if field in MAY_BE_LONG else None]:
        assert "repropack.yaml has " in refused(directory, config(**{field: name})), name


@pytest.mark.parametrize("field", PATHS)
def test_paths_that_leave_are_refused(field: str, directory: Path) -> None:
    """A path stays below the project, and holds no control character."""
    for path in ("../../etc/passwd", "/etc/passwd", "a/../../b", "a\nb", "a\0b", "a\x1bb", ""):
        assert "repropack.yaml has " in refused(directory, config(**{field: path})), path


@pytest.mark.parametrize("field", TEXTS)
def test_control_characters_are_refused(field: str, directory: Path) -> None:
    """A value that is free text holds no control character; only a command may have lines."""
    for text in ("a\0b", "a\x1b[2Jb", "a\rb", "a\u202eb", *(["a\nb"] if field != "run" else [])):
        assert "repropack.yaml has " in refused(directory, config(**{field: text})), text


SCRIPT = """\
import json, os, sys
values = {"matrix": sys.argv[1], "inside": sys.argv[2], "env": os.environ["TEXT"]}
json.dump({"x": 1, **values}, open("results.json", "w"))
assert not os.path.exists("PWNED"), os.listdir(".")
"""
FILES = (
    *("; touch PWNED", "$(touch PWNED)", "-rf", "--help", "a'b", 'a"b', "a\\b", " a ", "a\nb"),
    *("Dockerfile", ".dockerignore", "SHA256SUMS", "judge.pyz", "[x]*?", "#c", "!n", "ünï→"),
    *("deep/; touch PWNED/$(id)/x", os.fsdecode(b"not-utf-8-\xff"), "x" * 200),
)


def hostile_repository(top: Path) -> Path:
    """Everything that may be strange without being wrong is strange."""
    values = json.dumps(VALUES)
    written = {
        "name": "hostile",
        "paper": {"title": "`touch PWNED` | $(touch PWNED) <script>alert(1)</script>"},
        "experiments": {
            "e": {
                "run": "python run.py {value} \"{value}\" && test '{value}' != ''",
                "matrix": {"value": json.loads(values)},
                "env": {"TEXT": "$(touch PWNED) `id` '\" \\ ${PATH} #"},
                "outputs": ["*.json", "[x]*?", "; touch PWNED"],
                "metrics": {"x": {"json": "results.json", "key": "x"}},
            }
        },
        "claims": [
            {
                "id": f"c{number}",
                "metric": f"e.x{{value={value}}}",
                "value": "1",
                "source": "| `x` $(touch PWNED) | <b>",
            }
            for number, value in enumerate(VALUES)
        ],
    }
    files: dict[str, str | bytes] = dict.fromkeys(FILES, b"*\n")
    files |= {"run.py": SCRIPT, "repropack.yaml": json.dumps(written, ensure_ascii=False)}
    directory = project(top / "a b; touch PWNED $(touch PWNED) '\" ü", files)
    git(directory, "checkout", "-q", "-b", "main;touch$IFS'PWNED'$(id)\"")
    git(directory, "tag", "v1;$(touch_PWNED)'\"")
    git(
        directory,
        "remote",
        "add",
        "origin",
        "https://u:secret@h.example/$(touch PWNED)'\".git",
    )
    return directory


@pytest.mark.engine
def test_hostile_repository(tmp_path: Path) -> None:
    """Every hostile value arrives as it was written, at an experiment in a container and twice:
    with repropack, and from the bundle with its reproduce.sh."""
    directory = hostile_repository(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    out = tmp_path / "-o; touch PWNED '$(id)"
    done = repropack("verify", directory)
    assert done.code == 0, done.said
    built = repropack("build", directory, "-o", out)
    assert built.code == 0, built.said
    texts = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    assert not any(b"secret" in data for name, data in texts.items() if name != "judge.pyz")
    runs = directory.glob(".repropack/verifications/*/runs/*")
    found = [json.loads((run / "outputs" / "results.json").read_bytes()) for run in runs]
    assert sorted(row["matrix"] for row in found) == sorted(VALUES)
    assert all(row["inside"] == row["matrix"] for row in found)
    assert {row["env"] for row in found} == {"$(touch PWNED) `id` '\" \\ ${PATH} #"}
    again = subprocess.run([str(out / "reproduce.sh")], cwd="/", capture_output=True, text=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "reproduced: 6 of 6 claims" in again.stdout
    assert [path for path in tmp_path.rglob("PWNED*") if "outputs" not in path.parts] == []
    assert not Path("/PWNED").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, out.name])
    assert (containers("hostile"), traces(tmp_path)) == ([], [])
    remove_images("hostile")
