"""HTML and SVG as text that is safe by construction: everything that is not `Html` is escaped.

Owns: elements, tables, and links to data. Does not own: what stands in them.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

LONGEST = 20_000
"""No text of an experiment makes a page large."""
_EMPTY = frozenset({"line", "rect", "circle", "path", "polyline", "use", "img", "br", "col"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()

    def __html__(self) -> str:
        """What Jinja asks for: it does not escape this again."""
        return self


def escape(text: str) -> Html:
    """Text as markup shows it: no control characters, and nothing that markup means."""
    if isinstance(text, Html):
        return text
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return Html(html.escape("".join(c if c.isprintable() or c == "\n" else " " for c in cut)))


def tag(name: str, *content: str | None, **attributes: str | float | None) -> Html:
    """An element. `class_` is `class`, other underscores are hyphens, None leaves one out."""
    written = "".join(
        f' {attribute(key)}="{escape(number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = join(content)
    if name in _EMPTY and not inner:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{inner}</{name}>")


def attribute(key: str) -> str:
    """The name of an attribute: `class_` is `class`, `aria_label` is `aria-label`."""
    return key if key == "viewBox" else key.rstrip("_").replace("_", "-")


def number(value: str | float) -> str:
    """A coordinate, short: a tenth of a pixel is more than anyone sees."""
    if isinstance(value, str | int):
        return value if isinstance(value, str) else str(value)
    return f"{value:.1f}".removesuffix(".0")


def join(parts: Iterable[str | None], between: str = "") -> Html:
    """Several pieces as one."""
    return Html(between.join(escape(part) for part in parts if part is not None))


def picture(
    title: str, description: str, *content: str | None, size: tuple[float, float], class_: str
) -> Html:
    """An SVG image with a name and a description for those who cannot see it."""
    width, height = size
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        *content,
        class_=class_,
        role="img",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
    )


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    class_: str = "",
    numeric: Iterable[int] = (),
) -> Html:
    """A table whose first column names the rows; `numeric` columns are set flush right.

    It scrolls sideways, also with the keyboard, where there is no room.
    """
    right = frozenset(numeric)

    def kind(column: int) -> str | None:
        return "num" if column in right else None

    header = [tag("th", cell, scope="col", class_=kind(i)) for i, cell in enumerate(head)]
    body = [
        tag(
            "tr",
            *(
                tag("td", cell, class_=kind(i)) if i else tag("th", cell, scope="row")
                for i, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    whole = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *header)),
        tag("tbody", *body),
        class_=class_ or None,
    )
    return scrolling(whole, caption)


def scrolling(content: Html, label: str) -> Html:
    """Something wide that is scrolled sideways, with the keyboard too."""
    return tag("div", content, class_="wide", role="region", aria_label=label, tabindex="0")


def folded(summary: str, *content: str | None) -> Html:
    """What is shown when a reader asks for it."""
    return tag("details", tag("summary", summary), *content)
