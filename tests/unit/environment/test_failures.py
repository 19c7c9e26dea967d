from __future__ import annotations

import pytest

from repropack.environment.failures import SourcesOnlyError, classify, essence, is_of
from repropack.environment.manifest import Manifest
from repropack.environment.requirements import Line
from repropack.environment.unresolvable import explain_unresolvable
from repropack.errors import (
    BuildError,
    IntegrityError,
    InvalidError,
    OtherPythonError,
    RepropackError,
    TemporaryError,
    UnknownNameError,
)
from repropack.findings import Where
from tests.unit.environment.wheelhouse import TARGET, requirement

NUMPY = requirement("numpy", "1.26.4", "a" * 64, "b" * 64, line=4)
SIX = requirement("six", "1.16.0", "c" * 64)
MISMATCH = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you …\n"
NOT_FOUND = "ERROR: No matching distribution found for numpy==1.26.4"
LINK = "https://index.example/files/numpy-1.26.4"


@pytest.mark.parametrize(
    ("said", "error", "message", "about"),
    [
        (
            f"{MISMATCH}    numpy==1.26.4 from {LINK}-cp311-cp311-linux_x86_64.whl (from r.txt):\n"
            f"        Expected sha256 {'a' * 64}\n        Expected     or {'b' * 64}\n"
            f"             Got        {'d' * 64}\n",
            IntegrityError,
            f"one of 2 hashes such as sha256:{'a' * 64}, obtained sha256:{'d' * 64}",
            NUMPY,
        ),
        (
            f"{MISMATCH}    unknown package:\n        Expected sha256 {'a' * 64}\n"
            f"             Got        {'d' * 64}",
            IntegrityError,
            "a wheel differs from its hash",
            None,
        ),
        (
            f"… (from versions: none)\n{NOT_FOUND}",
            InvalidError,
            "no index has a package named",
            NUMPY,
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement numpy==1.26.4 "
            f"(from versions: 1.0, 1.1, 1.2, 1.3)\n{NOT_FOUND}",
            InvalidError,
            "numpy has no version 1.26.4 that can be installed; the last ones are 1.1, 1.2, 1.3",
            NUMPY,
        ),
        (
            "  Link requires a different Python (3.11.0 not in: '>=3.12'): "
            f"{LINK}-py3-none-any.whl (from x)\n{NOT_FOUND}",
            InvalidError,
            "numpy==1.26.4 needs Python >=3.12, the target is Python 3.11",
            NUMPY,
        ),
        (
            f"  Skipping link: No sources permitted for numpy: {LINK}.tar.gz#sha256=ab (x)\n"
            f"{NOT_FOUND}",
            SourcesOnlyError,
            "no wheel for numpy==1.26.4 on Python 3.11, linux x86_64 (there is a source",
            NUMPY,
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("
            f'"Failed")\': /simple/numpy/\n{NOT_FOUND}',
            TemporaryError,
            "connection broken",
            None,
        ),
        (
            "  Could not fetch URL https://index.example/simple/numpy/: 404 Client Error\n"
            f"{NOT_FOUND}",
            InvalidError,
            "no index has a package",
            NUMPY,
        ),
        (f"  Downloading numpy-1.0.whl (401 kB)\n{NOT_FOUND}", InvalidError, "no index", NUMPY),
        ("error: incomplete-download", TemporaryError, "incomplete-download", None),
        ("OSError: [Errno 28] No space left on device", BuildError, "no space left", None),
        ("python: No module named pip", BuildError, "pip is missing", None),
        ("Traceback\nERROR: something new", BuildError, "something new", None),
        ("", BuildError, "no output", None),
    ],
)
def test_pips_words_become_errors(
    said: str, error: type[RepropackError], message: str, about: object
) -> None:
    """Each kind of failure has its exit code, names its requirement, and has a hint or a place."""
    failure = classify(said.splitlines(), (SIX, NUMPY), TARGET)
    assert type(failure.error) is error
    assert message in failure.error.what
    assert failure.requirement is about
    assert about is None or failure.error.what.startswith("requirements.txt:4: ")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("SSLError(certificate verify failed)", "PIP_CERT"),
        ("ProxyError('Unable to connect to proxy')", "HTTPS_PROXY"),
        ("Could not fetch URL x: 401 Client Error: Unauthorized", "credentials"),
        ("ReadTimeoutError: Read timed out.", "run the same command again"),
    ],
)
def test_each_failure_of_the_network_has_its_own_hint(line: str, hint: str) -> None:
    """A certificate, a proxy and a refusal are mended in different places."""
    failure = classify((line,), (SIX,), TARGET)
    assert failure.error.exit_code == 75
    assert failure.error.hint and hint in failure.error.hint


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("numpy-1.26.4-py3-none-any.whl#sha256=ab", True),
        ("numpy-1.26.4%2Bcpu-py3-none-any.whl", False),
        ("numpy-1.26.4.tar.gz", True),
        ("numpy-1.26.40.tar.gz", False),
        ("numpy-1.26.4.exe", False),
    ],
)
def test_files_of_a_version_are_recognised(filename: str, expected: bool) -> None:
    """`1.26.40` is not `1.26.4`, and what is no distribution is none of it."""
    assert is_of(f"https://index.example/files/{filename}", NUMPY) is expected


def test_a_password_in_pips_words_is_not_repeated() -> None:
    """Addresses lose their credentials, lines their control characters and their length."""
    text = essence("ERROR: \x1b[31mhttps://me:secret@index.example/simple failed" + "x" * 1000)
    assert "secret" not in text and "\x1b" not in text and len(text) == 300


MANIFEST = Manifest(
    path="r.txt",
    lines=(
        Line(text="six", hashes=(), where=Where(path="r.txt", line=1)),
        Line(text="My_App[x]>1", hashes=(), where=Where(path="r.txt", line=3)),
    ),
)
UNSOLVED = "error: No solution found when resolving dependencies\n  cause: Because "
OLD_UNSOLVED = "  × No solution found when resolving dependencies:\n  ╰─▶ Because "
END = ", we can conclude that your requirements are unsatisfiable.\n"


@pytest.mark.parametrize(
    ("said", "error", "message", "hint"),
    [
        (
            f"{UNSOLVED}my-app was not found in the package registry and you require my-app{END}",
            UnknownNameError,
            "r.txt:3: no index has a package named my-app",
            "correct the name",
        ),
        (
            f"{UNSOLVED}my-app was not found in\n      the package registry and you require{END}",
            UnknownNameError,
            "r.txt:3: no index has a package named my-app",
            "correct the name",
        ),
        (
            f"{UNSOLVED}only six<=1 is available and you require\n      six>=2{END}",
            InvalidError,
            "r.txt:1: nothing satisfies the requirements as of 2024-05-01: only six<=1 is",
            "loosen",
        ),
        (
            f"{UNSOLVED}there are no versions of six and you require six{END}\n"
            "hint: `six` was filtered by `exclude-newer` to only include packages uploaded …",
            InvalidError,
            "r.txt:1: nothing satisfies the requirements as of 2024-05-01: there are no versions "
            "of six and you require six",
            "--as-of now",
        ),
        (
            "warning: `six-1.whl` is missing an upload date, but user provided: 2024\n"
            f"{UNSOLVED}there are no versions of six and you require six{END}",
            InvalidError,
            "there are no versions of six",
            "the index does not say when",
        ),
        (
            "warning: `six-1.whl` is missing an upload date, but user provided: 2024\n"
            f"{UNSOLVED}my-app==2 depends on six>=2,<3 and you require\n      six==1, we can "
            f"conclude that your requirements and my-app==2 are incompatible.\n      And because "
            f"you require my-app==2{END}",
            InvalidError,
            "r.txt:1: nothing satisfies the requirements as of 2024-05-01: my-app==2 depends on "
            "six>=2,<3 and you require six==1",
            "loosen",
        ),
        (
            f"{OLD_UNSOLVED}only the following versions are available:\n      │ x<1\n"
            f"      │ x>2\n   and you require my-app{END}\nhint: building from source is disabled",
            OtherPythonError,
            "r.txt:3: nothing satisfies the requirements as of 2024-05-01: only the following "
            "versions are available: x<1 x>2 and you require my-app",
            "has a wheel",
        ),
        (
            f"{UNSOLVED}six was not found in the package registry and you require six{END}\n"
            "hint: An index URL (https://index.example/simple) could not be queried due to a lack "
            "of valid authentication credentials (401 Unauthorized).",
            TemporaryError,
            "cannot be reached",
            "credentials",
        ),
        (
            f"{UNSOLVED}six was not found in the cache and you require six{END}",
            TemporaryError,
            "uv may not use the network",
            "UV_OFFLINE",
        ),
        (
            "error: Failed to fetch: https://index.example/six/\n  cause: error sending request",
            TemporaryError,
            "cannot be reached",
            "check the network",
        ),
        ("error: No space left on device (os error 28)", BuildError, "no space left", "make room"),
        ("error: unexpected argument", BuildError, "unexpected argument", "lock the environment"),
        ("", BuildError, "no output", "lock the environment"),
    ],
)
def test_uvs_words_become_errors(
    said: str, error: type[RepropackError], message: str, hint: str
) -> None:
    """The essence of uv's explanation in one line, with the place that asked and a hint."""
    raised = explain_unresolvable(said, MANIFEST, "2024-05-01")
    assert type(raised) is error
    assert message in raised.what and "\n" not in raised.what
    assert raised.hint and hint in raised.hint
