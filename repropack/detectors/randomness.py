"""Which sources of randomness the code seeds, and which it leaves to chance.

Owns: one finding for each library that is used at random, with the place of its seed or, without
one, of its first use; and single lines that make two runs differ whatever the seed. Does not own:
whether two runs really are the same (`verify --determinism` tries it).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from repropack.detectors.code import Call, Code
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.tables import random_by_default, random_if_shuffled

SEEDED: Final = "randomness.seeded"
UNSEEDED: Final = "randomness.unseeded"
CHANGING: Final = "randomness.changing"  # differs between two runs, whatever the seed
SETTING: Final = "randomness.setting"  # asks a library for the same result every time

#: Functions of frameworks that seed Python, NumPy and the framework itself.
_SEED_ALL: Final = ("seed_everything", "set_random_seed", "set_seed", "seed_all", "fix_seed")
_DRAWS: Final = (
    "random randint randrange choice choices shuffle sample uniform gauss normalvariate "
    "betavariate expovariate triangular getrandbits"
)
_NO_DRAWS: Final = (
    "default_rng RandomState Generator SeedSequence get_state PCG64 MT19937 Philox SFC64"
)
_EVERYTHING: Final = ("random", "numpy", "torch", "tensorflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """How a library is seeded, and which calls draw from what that seeds (by their prefixes)."""

    seeds: tuple[str, ...]
    draws: tuple[str, ...]
    ignored: tuple[str, ...] = ()


LIBRARIES: Final = {
    "random": Library(
        seeds=("random.seed",),
        draws=tuple(f"random.{name}" for name in _DRAWS.split()),
    ),
    "numpy": Library(
        seeds=("numpy.random.seed", "numpy.random.set_state"),
        draws=("numpy.random.",),
        ignored=tuple(f"numpy.random.{name}" for name in _NO_DRAWS.split()),
    ),
    "torch": Library(
        seeds=("torch.manual_seed", "torch.random.manual_seed"),
        draws=(
            *("torch.rand", "torch.normal", "torch.bernoulli", "torch.multinomial", "torch.nn."),
            *(
                "torch.utils.data.random_split",
                "torch.utils.data.DataLoader",
                "torchvision.models.",
            ),
        ),
        ignored=("torch.random.", "torch.nn.functional.", "torch.nn.utils.", "torch.nn.Module"),
    ),
    "tensorflow": Library(
        seeds=(
            *("tensorflow.random.set_seed", "tensorflow.set_random_seed"),
            *("tensorflow.compat.v1.set_random_seed", "keras.utils.set_random_seed"),
            "tensorflow.keras.utils.set_random_seed",
        ),
        draws=("tensorflow.random.", "tensorflow.keras.layers.", "keras.layers."),
    ),
}
_CLOCKS: Final = (
    *("time.time", "time.time_ns", "datetime.datetime.now", "datetime.now", "os.getpid"),
    *("os.urandom", "secrets.randbits", "secrets.randbelow", "uuid.uuid4"),
)
_GENERATORS: Final = ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random")
_KEYS: Final = ("jax.random.PRNGKey", "jax.random.key")
_LISTINGS: Final = ("os.listdir", "os.scandir", "os.walk", "glob.glob", "glob.iglob")
_PATH_LISTINGS: Final = (".iterdir", ".glob", ".rglob")
_ORDERLESS: Final = ("sorted", "set", "frozenset", "len", "sum", "any", "all", "max", "min")


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return what is seeded and what is not, library by library, then single lines."""
    codes = reading.code
    seeds = _seeds(codes)
    libraries = [f for name in LIBRARIES if (f := _library(name, codes, seeds)) is not None]
    lines = [finding for code in codes for finding in _lines(code, seeds)]
    return (*libraries, *lines)


def _seeds(codes: tuple[Code, ...]) -> dict[str, Finding]:
    """The first seed of each library."""
    found: dict[str, Finding] = {}
    for code in codes:
        for call in code.calls:
            for name in _seeded_by(call):
                because = f"{call.name} seeds {name}"
                found.setdefault(name, _finding(SEEDED, name, because, code, call.line))
    return found


def _seeded_by(call: Call) -> tuple[str, ...]:
    """The libraries that a call seeds."""
    own = tuple(name for name, library in LIBRARIES.items() if call.name in library.seeds)
    if own or not call.name.endswith(_SEED_ALL) or not _arguments(call):
        return own
    return _EVERYTHING if call.name.rpartition(".")[2] in _SEED_ALL else ()


def _library(name: str, codes: tuple[Code, ...], seeds: dict[str, Finding]) -> Finding | None:
    """Whether a library that is used at random is seeded; None for one that is not used so."""
    library = LIBRARIES[name]
    draw = next(
        ((code, call) for code in codes for call in code.calls if _draws(call.name, library)), None
    )
    if draw is None:
        return None
    if name in seeds:
        return seeds[name]
    code, call = draw
    seed = library.seeds[0]
    because = f"{call.name} draws at random, and nothing calls {seed}"
    return _finding(UNSEEDED, name, because, code, call.line, Severity.WARNING)


def _draws(call: str, library: Library) -> bool:
    if not call.startswith(library.draws) or call in library.seeds:
        return False
    return not call.startswith(library.ignored)


def _lines(code: Code, seeds: dict[str, Finding]) -> Iterator[Finding]:
    """Single lines that matter by themselves; one finding of each sort and file is enough."""
    told: set[tuple[str, str]] = set()
    ordered = _ordered(code)
    for call in code.calls:
        for finding in (
            _clock(code, call),
            _generator(code, call),
            _worker(code, call),
            None if "numpy" in seeds else _estimator(code, call),
            None if id(call.node) in ordered else _listing(code, call),
            _algorithms(code, call),
        ):
            if finding is not None and (finding.kind, finding.value) not in told:
                told.add((finding.kind, finding.value))
                yield finding
    yield from _settings(code)


def _clock(code: Code, call: Call) -> Finding | None:
    """A seed that is another one each time."""
    seeding = _seeded_by(call) or call.name in (*_GENERATORS, *_KEYS)
    if not seeding:
        return None
    inside = (node for each in _arguments(call) for node in ast.walk(each))
    clock = next((name for node in inside if (name := code.names.get(id(node))) in _CLOCKS), None)
    if clock is None:
        return None
    because = f"{call.name} is given {clock}: another seed in every run"
    return _finding(CHANGING, "seed", because, code, call.line, Severity.WARNING)


def _generator(code: Code, call: Call) -> Finding | None:
    """A generator of its own, with or without a seed."""
    if call.name not in _GENERATORS:
        return None
    if _arguments(call):
        return _finding(SEEDED, call.name, f"{call.name} is given a seed", code, call.line)
    because = f"{call.name}() without a seed takes one from the system"
    return _finding(UNSEEDED, call.name, because, code, call.line, Severity.WARNING)


def _worker(code: Code, call: Call) -> Finding | None:
    """Worker processes of a DataLoader, which have generators of their own."""
    if not call.name.endswith("DataLoader"):
        return None
    given = {keyword.arg: keyword.value for keyword in call.node.keywords}
    workers = given.get("num_workers")
    none = isinstance(workers, ast.Constant) and not workers.value
    if workers is None or none or {"worker_init_fn", "generator"} & given.keys() or None in given:
        return None
    because = "its workers have random generators of their own: give worker_init_fn and generator"
    return _finding(UNSEEDED, "DataLoader workers", because, code, call.line, Severity.WARNING)


def _estimator(code: Code, call: Call) -> Finding | None:
    """A part of scikit-learn that is random and was given no random_state (nor NumPy a seed)."""
    root, _, name = call.name.rpartition(".")
    if not root.startswith("sklearn"):
        return None
    given = {keyword.arg: keyword.value for keyword in call.node.keywords}
    shuffled = given.get("shuffle")
    on, off = (
        isinstance(shuffled, ast.Constant) and shuffled.value is is_on for is_on in (True, False)
    )
    random = (name in random_by_default() and not off) or (name in random_if_shuffled() and on)
    if not random or "random_state" in given or None in given:
        return None
    because = f"{name} is random without random_state, and NumPy is not seeded"
    return _finding(UNSEEDED, f"sklearn.{name}", because, code, call.line, Severity.WARNING)


def _listing(code: Code, call: Call) -> Finding | None:
    """Files in the order of the file system."""
    is_path = call.name.endswith(_PATH_LISTINGS) and not call.name.startswith("glob.")
    if call.name not in _LISTINGS and not is_path:
        return None
    shown = call.name if call.name in _LISTINGS else call.name.rpartition(".")[2]
    because = f"{shown} gives files in the file system's order: sorted(…) gives the same everywhere"
    return _finding(CHANGING, "file order", because, code, call.line, Severity.WARNING)


def _ordered(code: Code) -> set[int]:
    """Listings whose order is made, or does not matter: `sorted(glob(…))`, `files.sort()`."""
    found: set[int] = set()
    for call in code.calls:
        if call.name in _ORDERLESS:
            found |= {id(node) for each in _arguments(call) for node in ast.walk(each)}
        name, _, method = call.name.rpartition(".")
        if method == "sort" and name in code.assigned:
            found |= {id(node) for each in code.assigned[name] for node in ast.walk(each)}
    names = {
        call.node.args[0].id
        for call in code.calls
        if call.name in _ORDERLESS and call.node.args and isinstance(call.node.args[0], ast.Name)
    }
    for name in names & code.assigned.keys():
        found |= {id(node) for each in code.assigned[name] for node in ast.walk(each)}
    return found


def _algorithms(code: Code, call: Call) -> Finding | None:
    """A call that asks for algorithms which always give the same."""
    asking = ("use_deterministic_algorithms", "enable_op_determinism")
    if not call.name.endswith(asking):
        return None
    return _finding(SETTING, call.name, f"{call.name} is called", code, call.line)


def _settings(code: Code) -> Iterator[Finding]:
    """What is set on cuDNN, and a hash seed that comes too late."""
    for name, value in code.set_attributes:
        constant = value.value if isinstance(value, ast.Constant) else None
        if name.endswith("cudnn.benchmark") and constant is True:
            because = "cuDNN may choose another algorithm in each run"
            yield _finding(
                CHANGING, "cudnn.benchmark", because, code, value.lineno, Severity.WARNING
            )
        if name.endswith("cudnn.deterministic") and constant is True:
            because = "cuDNN takes algorithms that give the same each time"
            yield _finding(SETTING, "cudnn.deterministic", because, code, value.lineno)
    for key, value in code.items.get("os.environ", []):
        if key == "PYTHONHASHSEED":
            because = "set too late for this process; runs get PYTHONHASHSEED=0 before they start"
            yield _finding(SETTING, key, because, code, value.lineno)


def _arguments(call: Call) -> list[ast.expr]:
    return [*call.node.args, *(keyword.value for keyword in call.node.keywords)]


def _finding(
    kind: str,
    value: str,
    because: str,
    code: Code,
    line: int,
    severity: Severity = Severity.INFO,
) -> Finding:
    where = Where(path=code.path, line=line)
    return Finding(kind=kind, value=value, because=because, where=where, severity=severity)
