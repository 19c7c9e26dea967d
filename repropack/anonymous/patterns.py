"""What looks like an identity, whoever's it is.

Owns: the patterns and their words. Each is narrow enough that code does not match it all the time,
and wide enough that an author gets to see what a reviewer could look up.
"""

from __future__ import annotations

import re

Pattern = tuple[str, re.Pattern[str]]
_NOBODY = (
    r"(?:user|username|you|yourname|name|reviewer|runner|app|node|jovyan|ubuntu|debian|docker|root"
    r"|appuser|me|anonymous|MyUser)"
)


def _pattern(what: str, text: str, flags: int = re.IGNORECASE) -> Pattern:
    return what, re.compile(text, flags)


#: Also looked for in what is printable of binary files.
EVERYWHERE: tuple[Pattern, ...] = (
    _pattern(
        "home directory",
        rf"(?:/home/|/Users/|/u/home/|[A-Z]:\\{{1,2}}Users\\{{1,2}})(?!{_NOBODY}\b)[\w.-]{{2,}}",
        0,
    ),
    _pattern(
        "author of a document", r"/Author\s*\([^)]+\)|<dc:creator>|xmp:CreatorTool|\bArtist\b", 0
    ),
    _pattern(  # of a base that was pulled; everybody's is docker.io
        "registry of an image",
        r"(?<![\w./-])(?!docker\.io/)[\w-]+(?:\.[\w-]+)+(?::\d+)?/[\w./-]+@sha256:",
    ),
)
#: What an image may have of the machine that built it.
MACHINE: tuple[Pattern, ...] = (
    _pattern(
        "proxy",
        r"^[^#\n]*?\b(?:(?:https?|ftp|all|no)_proxy[\"']?\s*[=:]|Acquire::\w+::Proxy)\s*[\"']?"
        r"[^\s\"',;]+",
        re.IGNORECASE | re.MULTILINE,
    ),
    _pattern(
        "package index",
        r"\b(?:PIP_(?:EXTRA_)?INDEX_URL|UV_(?:DEFAULT_|EXTRA_)?INDEX(?:_URL)?|UV_FIND_LINKS"
        r"|PIP_FIND_LINKS)\s*=\s*\S+",
        0,
    ),
)
#: A text that a pattern matches has one of these in it, in lower case.
PARTS = {
    "home directory": ("/home/", "/users/", "users\\"),
    "registry of an image": ("@sha256:",),
    "author of a document": ("/author", "<dc:creator>", "xmp:creatortool", "artist"),
    "proxy": ("_proxy", "::proxy"),
    "package index": ("_index", "_find_links"),
}
TEXT: tuple[Pattern, ...] = (
    *EVERYWHERE,
    _pattern(
        "e-mail address",
        r"(?<![\w.+-])[\w.+-]+@(?!(?:[\w-]+\.)*example(?:\.\w+)?\b)[\w-]+(?:\.[\w-]+)*\.[a-z]{2,10}"
        r"(?![\w(.])",
        0,
    ),
    _pattern(
        "place of an account",
        r"\b(?:github\.com|raw\.githubusercontent\.com|gist\.github\.com|gitlab\.[\w.]+|bitbucket\.org"
        r"|codeberg\.org|huggingface\.co|wandb\.ai|kaggle\.com|neptune\.ai|comet\.(?:ml|com)"
        r"|osf\.io|hub\.docker\.com/r|ghcr\.io|dockerhub|codecov\.io/gh|travis-ci\.(?:org|com)"
        r"|app\.circleci\.com|readthedocs\.(?:org|io)|mybinder\.org|colab\.research\.google\.com"
        r"|drive\.google\.com|dropbox\.com)[/:][\w~.%-]+(?:/[\w~.%-]+)?",
    ),
    _pattern(
        "personal page",
        r"https?://(?:[\w-]+\.(?:github|gitlab)\.io|sites\.google\.com/|[\w.-]+/~\w|(?:www\.)?linkedin\.com/in/"
        r"|(?:mobile\.)?(?:twitter|x)\.com/\w|scholar\.google|(?:www\.)?researchgate\.net|people\.)[^\s\"'<>)]*",
    ),
    _pattern(
        "paper or deposit",
        r"\b(?:doi\.org/10|arxiv\.org/(?:abs|pdf)/|openreview\.net/|zenodo\.org/)[^\s\"'<>)\]}]*"
        r"|\barXiv:\d{4}\.\d+|^\s*doi:\s*\S+|[{,]\s*doi:\s*\S+",
    ),
    _pattern("ORCID", r"\b\d{4}-\d{4}-\d{4}-\d{3}[\dX]\b", 0),
    _pattern(
        "author",
        r"\b__(?:author|maintainer|email|credits)__\s*=|(?<![\w.])"
        r"(?:author|maintainer)s?(?:[_-]email)?[\"']?\s*[:=](?!=)"
        r"\s*[\"'\[{(\w].*|@author\b.*|\\author\s*\{|\bfamily-names\s*:|\"displayName\"\s*:"
        r"|\bWritten by [A-Z].*"
        r"|^\s*(?:Author|Maintainer)(?:-email)?:\s*\S.*",
    ),
    _pattern("copyright", r"copyright\s*(?:\(c\)|©)?\s*(?:\d{4}[\d, –-]*)\s*(?:by\s+)?[^\s\[{<].*"),
    _pattern(
        "account at Weights & Biases",
        r"\bentity[\"']?\s*[=:]\s*[\"']?[\w-]+|--entity[= ]\S+"
        r"|\bWANDB_(?:ENTITY|API_KEY|USERNAME|EMAIL)\b\s*[=:]?\s*\S*",
    ),
    _pattern(
        "institution",
        r"\b(?:University|Universit[àéä]t?\w*|Universidad\w*"
        r"|Università|Institut[eo]?s? (?:of|for|für|de)\b"
        r"|Department of|Laboratory (?:of|for)|School of|Faculty of|Max[- ]Planck"
        r"|Research Center)[^\n\"']{0,60}",
        0,
    ),
    _pattern(
        "thanks or funding",
        r"\backnowledge?ments?\b|\bfunded by\b|\bgrant (?:no|number|agreement)\b.*",
    ),
    _pattern(
        "account of a cluster",
        r"#SBATCH\s+(?:--account|-A|--mail-user)\b.*|(?<![\w.])/(?:scratch|gpfs|lustre)/[\w./-]+",
    ),
)
#: Files that are there to name people.
FILES = re.compile(
    r"(?:^|/)(?:AUTHORS|CONTRIBUTORS|MAINTAINERS|CODEOWNERS|CITATION(?:\.cff|\.bib)?|\.mailmap|\.zenodo\.json"
    r"|codemeta\.json|FUNDING\.yml)(?:\.(?:md|txt|rst))?$",
    re.IGNORECASE,
)
