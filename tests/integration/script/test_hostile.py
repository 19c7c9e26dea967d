"""Whatever stands in a plan is inert in every file that is generated from it."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repropack.bundle import Ingredients, page, quoting, render
from repropack.bundle.contents import dump, manifest
from repropack.cuda import CudaBase, CudaPlan, State
from repropack.errors import PlanError
from repropack.findings import Choice
from repropack.plan import Plan, refuse_control_characters
from tests.conftest import ROOT, example
from tests.unit.bundle.made import SHELLS, plan_of, tool_directory

HOSTILE = (
    "; touch pwned", "$(touch pwned)", "`touch pwned`", "${HOME}", "'; touch pwned; '",
    '"; touch pwned; "', "-rf", "--help", "\\", "\\'", "a\\\nRUN touch pwned", "x\nRUN touch pwned",
    "x\r\nUSER root", "\x1b[2J", "{{ 7 * 7 }}", "{% raw %}", "$1 $@ $$ !", "| a | b |",
    "<script>x</script>", "![x](http://index.example/x)", "```", "TEXT\n", "a  b", "é \udcff",
    "\u2028RUN x", "&& touch pwned", "%s%n", "#", "*", "~", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Ingredients]:
    """An ordinary plan."""
    return plan_of(example("quickstart", tmp_path_factory.mktemp("hostile")))


def spoilt(plan: Plan, text: str) -> Plan:
    """The plan with a hostile text in every field that a repository or a user fills."""
    choice = Choice(value=text, because=text)
    origin = dataclasses.replace(
        plan.origin, commit=text, branch=text, remote=text, tags=(text,), subdirectory=text,
        submodules=((text, text),), changed=(text,), id12=text, tree=text,
    )  # fmt: skip
    return dataclasses.replace(
        plan,
        name=text,
        tag=text,
        origin=origin,
        environment=choice,
        cuda=CudaPlan(state=State.CUDA, cuda=choice),
        cuda_base=CudaBase(run=choice),
        base=dataclasses.replace(plan.base, apt=(choice,)),
        variables=tuple(dataclasses.replace(v, value=text, because=text) for v in plan.variables),
        experiments=tuple(dataclasses.replace(e, name=text, run=text) for e in plan.experiments),
        claims=tuple(dataclasses.replace(c, id=text, source=text, value=text) for c in plan.claims),
        runs=tuple(dataclasses.replace(r, id=text, command=text) for r in plan.runs),
        paper=(("title", text), ("doi", text)),
    )


def write_script(text: str, made: tuple[Plan, Ingredients], directory: Path) -> Path:
    """The reproduce.sh of a plan that is full of a hostile text."""
    script = directory / "reproduce.sh"
    words = render.reproduce_sh(spoilt(made[0], text), made[1])
    script.write_bytes(words.encode("utf-8", "surrogateescape"))
    return script


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_script(text: str, made: tuple[Plan, Ingredients], tmp_path: Path) -> None:
    """reproduce.sh executes nothing of what it holds."""
    script = write_script(text, made, tmp_path)
    bin_ = tool_directory(tmp_path / "bin")
    done = subprocess.run(
        ["sh", script], cwd=tmp_path, env={"PATH": str(bin_)}, capture_output=True
    )
    assert done.returncode == (7 if text else 3), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "reproduce.sh"]


@pytest.mark.parametrize("text", ["".join(HOSTILE), HOSTILE[1], HOSTILE[4]], ids=["all", "$", "'"])
def test_script_is_well_formed(text: str, made: tuple[Plan, Ingredients], tmp_path: Path) -> None:
    """reproduce.sh parses in every shell, and shellcheck has no warning for it."""
    script = write_script(text.replace("\udcff", ""), made, tmp_path)
    for shell in SHELLS:
        if shutil.which(shell[0]):
            subprocess.run([*shell, "-n", script], check=True)
    shellcheck(script, severity="warning")


def shellcheck(script: Path, severity: str = "style") -> None:
    """Not one remark of shellcheck."""
    program = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run(
        [program, "--shell=sh", f"--severity={severity}", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["quickstart", "digits-svm"])
def test_examples_pass_shellcheck(name: str) -> None:
    """The examples' reproduce.sh and base.sh pass shellcheck without a remark."""
    shellcheck(ROOT / "tests" / "golden" / name / "reproduce.sh")
    shellcheck(ROOT / "templates" / "base.sh")


def instructions(dockerfile: str) -> list[str]:
    """The first word of every instruction, as a builder sees them."""
    joined = re.sub(r"\\\n", " ", dockerfile)
    lines = [
        line for line in joined.split("\n") if line.strip() and not line.lstrip().startswith("#")
    ]
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_dockerfile(text: str, made: tuple[Plan, Ingredients]) -> None:
    """The Dockerfile has the instructions that it has without it, and expands nothing of it."""
    plain = render.dockerfile(*made)
    hostile = render.dockerfile(spoilt(made[0], text), made[1])
    known = [word for word in instructions(plain) if word != "LABEL"]
    assert [word for word in instructions(hostile) if word != "LABEL"] == known
    for line in hostile.splitlines():
        if re.match(r"(LABEL| {5}) org\.|ENV PYTHON", line):
            quoted = line.removesuffix(" \\").partition("=")[2]
            assert re.fullmatch(r'"(?:[^"\\$]|\\["\\$])*"', quoted), line
    assert "\n# syntax" not in f"\n{hostile}" and not re.match(r"#\s*\w+\s*=", hostile)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_readme(text: str, made: tuple[Plan, Ingredients]) -> None:
    """README.md keeps its headings and the columns of its table, and no markup comes in."""
    plain, hostile = page.readme(*made), page.readme(spoilt(made[0], text), made[1])
    assert headings(hostile)[1:] == headings(plain)[1:]
    rows = [line for line in prose(hostile).splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(made[0].claims)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
    shown = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", prose(hostile), flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(|\x1b", shown)


def prose(markdown: str) -> str:
    """What stands outside code blocks."""
    return re.sub(r"^(`{3,})\w*\n.*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)


def headings(markdown: str) -> list[str]:
    """The headings outside code blocks."""
    return [line for line in prose(markdown).splitlines() if line.startswith("#")]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_manifest(text: str, made: tuple[Plan, Ingredients]) -> None:
    """repropack.json is UTF-8 and gives every value back as it was."""
    hostile = manifest(spoilt(made[0], text), made[1])
    raw = dump(hostile).encode("utf-8")
    assert json.loads(raw) == hostile
    assert b"\n" not in json.dumps(text).encode()


@pytest.mark.parametrize("text", [t for t in HOSTILE if re.search(r"[\x00-\x1f]", t)], ids=ascii)
def test_control_characters_are_refused(text: str) -> None:
    """No control character enters a plan as a name of git's."""
    with pytest.raises(PlanError):
        refuse_control_characters(text)


@pytest.mark.parametrize("text", [t for t in HOSTILE if "\udcff" not in t], ids=ascii)
def test_shell_quoting(text: str) -> None:
    """A shell gives a quoted value back unchanged."""
    command = f"printf %s {quoting.shell(text)}"
    assert subprocess.run(["sh", "-c", command], capture_output=True).stdout == text.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x86_64 a_b", "x86_64 a_b"),
        ("_a_ *b*", r"\_a\_ \*b\*"),
        ("https://index.example/a_b?c=1#d", "<https://index.example/a_b?c=1#d>"),
        ("https://index.example/> <b>", r"https://index.example/\> \<b\>"),
        ("a | b\nc", r"a \| b c"),
        ("&lt; $x$ ~~y~~", r"\&lt; \$x\$ \~\~y\~\~"),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    """Only what Markdown would take for markup is escaped, and addresses are links."""
    assert quoting.markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a``", "``` a`` ```")]
)
def test_code(text: str, shown: str) -> None:
    """A code span holds any backticks."""
    assert quoting.code(text) == shown
