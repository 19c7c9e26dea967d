"""Code → what is seeded, what is not, and what differs in every run."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, randomness
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree

SPLIT = "from sklearn.model_selection import train_test_split"


def said(code: str, **others: str) -> list[str]:
    """The findings about a file and others, as `kind value line`; warnings start with `!`."""
    files = {"train.py": code + "\nprint(1)\n"} | {
        f"{name}.py": text for name, text in others.items()
    }
    return [
        ("! " if f.severity is Severity.WARNING else "")
        + f"{f.kind.removeprefix('randomness.')} {f.value} {f.where.line if f.where else 0}"
        for f in randomness.detect(Reading(Tree(files)))
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # libraries
        ("import random\nx = random.random()", ["! unseeded random 2"]),
        ("import random\nrandom.seed(1)\nx = random.random()", ["seeded random 2"]),
        ("from random import shuffle as s\ns(x)", ["! unseeded random 2"]),
        ("import random\nrandom.seed(1)", []),
        ("import numpy as np\nx = np.random.rand(3)", ["! unseeded numpy 2"]),
        ("import numpy as np\nnp.random.seed(0)\nnp.random.rand(3)", ["seeded numpy 2"]),
        ("import numpy as np\nr = np.random.default_rng(3)", ["seeded numpy.random.default_rng 2"]),
        (
            "import numpy as np\nr = np.random.default_rng()",
            ["! unseeded numpy.random.default_rng 2"],
        ),
        ("import torch\nm = torch.nn.Linear(2, 2)", ["! unseeded torch 2"]),
        ("import torch\ntorch.manual_seed(1)\nm = torch.nn.Linear(2, 2)", ["seeded torch 2"]),
        ("import torch\ny = torch.nn.functional.relu(x)", []),
        ("import tensorflow as tf\nl = tf.keras.layers.Dense(3)", ["! unseeded tensorflow 2"]),
        (
            "import tensorflow as tf\ntf.random.set_seed(1)\ntf.random.normal([1])",
            ["seeded tensorflow 2"],
        ),
        # frameworks that seed everything
        (
            "import random, torch\nfrom lightning import seed_everything\nseed_everything(7)\n"
            "random.random()\ntorch.rand(1)",
            ["seeded random 3", "seeded torch 3"],
        ),
        (
            "import torch\nfrom transformers import set_seed\nset_seed(1)\ntorch.rand(1)",
            ["seeded torch 3"],
        ),
        # seeds of the clock
        (
            "import random, time\nrandom.seed(time.time())\nrandom.random()",
            ["seeded random 2", "! changing seed 2"],
        ),
        ("import jax, time\nk = jax.random.PRNGKey(int(time.time()))", ["! changing seed 2"]),
        ("import jax\nk = jax.random.PRNGKey(0)", []),
        # scikit-learn
        (
            f"{SPLIT}\ntrain_test_split(x)",
            ["! unseeded sklearn.train_test_split 2"],
        ),
        (
            f"{SPLIT}\ntrain_test_split(x, random_state=0)",
            [],
        ),
        (
            f"{SPLIT}\ntrain_test_split(x, shuffle=False)",
            [],
        ),
        (
            f"{SPLIT}\ntrain_test_split(x, **options)",
            [],
        ),
        ("from sklearn.model_selection import KFold\nKFold(5)", []),
        (
            "from sklearn.model_selection import KFold\nKFold(5, shuffle=True)",
            ["! unseeded sklearn.KFold 2"],
        ),
        ("from sklearn.svm import SVC\nSVC()", []),
        (
            "import numpy\nfrom sklearn.cluster import KMeans\nnumpy.random.seed(0)\nKMeans(3)",
            [],
        ),
        # workers
        (
            "from torch.utils.data import DataLoader\nDataLoader(d, num_workers=4)",
            ["! unseeded torch 2", "! unseeded DataLoader workers 2"],
        ),
        (
            "from torch.utils.data import DataLoader\nDataLoader(d, num_workers=0)",
            ["! unseeded torch 2"],
        ),
        # the order of files
        ("import os\nfor n in os.listdir('.'): pass", ["! changing file order 2"]),
        ("import os\nfor n in sorted(os.listdir('.')): pass", []),
        ("import glob\nx = glob.glob('*')\nx.sort()", []),
        ("import glob\nx = glob.glob('*')\nfor n in sorted(x): pass", []),
        ("import os\nn = len(os.listdir('.'))", []),
        ("from pathlib import Path\nx = list(Path('.').glob('*'))", ["! changing file order 2"]),
        ("from pathlib import Path\nx = sorted(p for p in Path('.').iterdir() if p)", []),
        # settings
        ("import torch\ntorch.backends.cudnn.benchmark = True", ["! changing cudnn.benchmark 2"]),
        ("import torch\ntorch.backends.cudnn.benchmark = False", []),
        (
            "import torch\ntorch.backends.cudnn.deterministic = True",
            ["setting cudnn.deterministic 2"],
        ),
        (
            "import torch\ntorch.use_deterministic_algorithms(True)",
            ["setting torch.use_deterministic_algorithms 2"],
        ),
        ("import os\nos.environ['PYTHONHASHSEED'] = '0'", ["setting PYTHONHASHSEED 2"]),
        ("# random.seed(1)\nprint('np.random.rand')", []),
    ],
)
def test_randomness(code: str, expected: list[str]) -> None:
    """Each sort of randomness is found with its line; what is in order is not told."""
    assert said(code) == expected


def test_a_seed_in_another_file_counts() -> None:
    """A project may seed in one file and draw in another."""
    found = said(
        "import random\nfrom seeds import seed\nrandom.random()",
        seeds="import random\nrandom.seed(1)\nprint(2)\n",
    )
    assert found == ["seeded random 2"]


def test_each_sort_is_told_once_a_file() -> None:
    """Ten unsorted listings in one file are one finding."""
    assert len(said("import os\n" + "os.listdir('.')\n" * 10)) == 1
