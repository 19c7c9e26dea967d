"""The page: nothing from outside, nothing that is not escaped, everything with a name."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from repropack.report import page
from repropack.report.markup import escape, tag
from repropack.report.model import Verification
from repropack.verification import read, write_report
from tests.conftest import ROOT
from tests.verifications import NET, failed, records, sample, write

VOID = {"meta", "link", "br", "img", "hr", "input", "col"}
HOSTILE = "</title><script>alert(1)</script>'\"><img src=x onerror=alert(1)>&\u202e\x1b[31m"
VERDICTS = ("reproduced", "not-reproduced", "inconclusive", "no-evidence")
PAIRS = [(name, "paper") for name in ("ink", "quiet", "accent", *VERDICTS)] + [("ink", "raised")]


class Tree(HTMLParser):
    """Elements with their attributes and what encloses them; text by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element, which encloses nothing."""
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        """What is closed is what was opened last."""
        assert self.open.pop() == tag

    def named(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a name."""
        return [attributes for tag, attributes, _ in self.elements if tag == name]


@pytest.fixture
def shown(tmp_path: Path) -> Verification:
    """The sample, with itself as the author's."""
    return read(sample(tmp_path), author=read(tmp_path))


def test_well_formed_and_named(shown: Verification) -> None:
    """All is closed; headers have scopes, tables captions, images names; links lead somewhere."""
    text = page(shown).html
    tree = Tree(text)
    assert tree.open == []
    assert all(each.get("scope") in ("row", "col") for each in tree.named("th"))
    assert text.count("<table") == text.count("<caption>") > 0
    drawn = [each for each in tree.named("svg") if each.get("aria-hidden") != "true"]
    assert drawn and all(each.get("role") == "img" for each in drawn)
    named = r'<svg[^>]*role="img"[^>]*><title>[^<]+</title><desc>[^<]+</desc>'
    assert len(re.findall(named, text)) == len(drawn)
    assert all(each.get("alt") for each in tree.named("img"))
    ids = [value for _, each, _ in tree.elements if (value := each.get("id"))]
    assert len(ids) == len(set(ids))
    inner = [value[1:] for each in tree.named("a") if (value := each["href"] or "")[0] == "#"]
    assert set(inner) <= set(ids)


def test_nothing_from_outside(shown: Verification) -> None:
    """The page has no script, and refers to nothing but itself and data."""
    text = page(shown).html
    tree = Tree(text)
    assert tree.named("script") == []
    assert "default-src 'none'" in text
    for _, attributes, _ in tree.elements:
        for name in ("src", "href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:", "runs/")), target
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in text and "@import" not in text


def test_what_experiments_say_is_escaped(tmp_path: Path) -> None:
    """Names, logs and notes with markup in them are shown as text, wherever they appear."""
    found = list(records())
    found[0] = failed({**found[0], "command": HOSTILE, "notes": [HOSTILE]}, [HOSTILE] * 3)
    found[1]["params"] = {"attention": HOSTILE}
    found[2]["metrics"][HOSTILE] = found[2]["metrics"]["accuracy"]
    found[3]["facts"]["gpu"] = HOSTILE
    found[3]["env"][HOSTILE] = HOSTILE
    directory = write(
        tmp_path, found, name=HOSTILE, environment={HOSTILE: {HOSTILE: HOSTILE}}, notes=(HOSTILE,),
        commit=HOSTILE, image={"tag": HOSTILE},
    )  # fmt: skip
    text = page(read(directory, author=read(directory))).html
    tree = Tree(text)
    assert tree.named("script") == []
    assert all("onerror" not in attributes for _, attributes, _ in tree.elements)
    assert "\u202e" not in text and "\x1b" not in text
    assert text.count("<title>") == 1 + text.count("<title>", text.index("<body>"))


def test_escape() -> None:
    """What is no markup is escaped, in content and in attributes; control characters go."""
    assert tag("p", "<b>", title='"x"') == '<p title="&quot;x&quot;">&lt;b&gt;</p>'
    assert escape("a\u202eb\x00c") == "a b c"


def test_odd_files_are_left_out(tmp_path: Path) -> None:
    """Records, histories and samples that are not what they should be cost nothing else."""
    directory = sample(tmp_path)
    runs = sorted((directory / "runs").iterdir())
    (runs[0] / "record.json").write_text("[" * 100_000, "utf-8")
    (runs[1] / "record.json").write_text('{"metrics": {"accuracy": {"history": "x"}}}', "utf-8")
    (runs[2] / "record.json").write_text('{"metrics": 3, "params": [], "outputs": {}}', "utf-8")
    (runs[3] / "telemetry.json").write_text(
        '{"columns": ["seconds", "x"], "rows": [1, [1], ["x", 2]]}', "utf-8"
    )
    (runs[4] / "record.json").unlink()
    text = page(read(directory)).html
    assert "<h1>net</h1>" in text


def test_the_same_again(tmp_path: Path) -> None:
    """Rendering twice gives the same bytes."""
    directory = sample(tmp_path)
    texts = []
    for _ in range(2):
        write_report(read(directory))
        texts.append(
            [(directory / f"report.{kind}").read_bytes() for kind in ("html", "md", "txt")]
        )
    assert texts[0] == texts[1]


def test_contrast() -> None:
    """Text stands out from its background by 4.5 to 1, in light and in dark."""
    css = (ROOT / "templates" / "report.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
                   for block in re.findall(r":root \{(.*?)\}", css, re.S))  # fmt: skip
    for palette in (light, dark):
        for text, ground in PAIRS:
            assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    bright, dull = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dull + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_two_hundred_runs_stay_small(tmp_path: Path) -> None:
    """The page of 200 runs with their curves is under 5 MB."""
    from dataclasses import replace

    many = replace(NET, seeds=tuple(range(34)))
    directory = write(tmp_path, list(records(many, epochs=50)), experiments=(many,))
    write_report(read(directory))
    assert (directory / "report.html").stat().st_size < 5_000_000
