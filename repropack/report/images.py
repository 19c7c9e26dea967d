"""The images that runs wrote, inside of the page; those without room are named with the reason."""

from __future__ import annotations

import base64

from repropack.report.markup import Html, join, tag
from repropack.report.model import Picture


def section(pictures: tuple[Picture, ...]) -> Html:
    """The images, then those that were left out."""
    shown = [tag("figure", image(each), caption(each)) for each in pictures if each.data]
    left = [f"{each.run_id}: {each.path}: {each.because}" for each in pictures if not each.data]
    parts = [tag("div", *shown, class_="images")] if shown else []
    if left:
        parts.append(tag("p", "Not shown:"))
        parts.append(tag("ul", *(tag("li", line) for line in left), class_="quiet"))
    return join(parts)


def image(picture: Picture) -> Html:
    """An image as data. Whatever a script in an SVG might do, an img element does not run it."""
    data = base64.b64encode(picture.data).decode("ascii")
    source = Html(f"data:{picture.media_type};base64,{data}")
    return tag("img", src=source, alt=f"{picture.path} of {picture.run_id}", loading="lazy")


def caption(picture: Picture) -> Html:
    """Which file of which run it is."""
    return tag("figcaption", tag("strong", picture.path), " ", picture.run_id)
