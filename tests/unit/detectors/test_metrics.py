"""Code → the numbers that it writes."""

from __future__ import annotations

import pytest

from repropack.detectors.code import parse_code
from repropack.detectors.metrics import written_by


def said(code: str) -> list[str]:
    """What is written, as `how path: key key`."""
    found = written_by(parse_code("a.py", code))
    return [f"{w.how} {w.path}: {' '.join(m.key for m in w.metrics)}".strip(": ") for w in found]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import json\njson.dump({'acc': f(x)}, open('r.json', 'w'))", ["json r.json: acc"]),
        (
            "import json\nr = {'acc': f(x), 'test': {'f1': g(x), 'auc': a + b}}\n"
            "with open('out/r.json', 'w') as fh:\n    json.dump(r, fh, indent=1)",
            ["json out/r.json: acc test.f1 test.auc"],
        ),
        (
            "import json\nr = {}\nr['acc'] = f(x)\nr['lr'] = args.lr\n"
            "with open('r.json', mode='w') as fh:\n    json.dump(r, fh)",
            ["json r.json: acc"],
        ),
        (
            "import json\nfrom pathlib import Path\n"
            "Path('r.json').write_text(json.dumps(dict(acc=f(x), name='svm')) + '\\n')",
            ["json r.json: acc"],
        ),
        (
            "import json\nfrom pathlib import Path\nOUT = Path('out')\n"
            "(OUT / 'r.json').write_text(json.dumps({'acc': f(x)}))",
            ["json out/r.json: acc"],
        ),
        (
            "import json, os\nwith open(os.path.join('out', 'r.json'), 'w') as fh:\n"
            "    fh.write(json.dumps({'acc': f(x)}))",
            ["json out/r.json: acc"],
        ),
        (
            "import json, argparse\np = argparse.ArgumentParser()\n"
            "p.add_argument('--out-file', default='r.json')\nargs = p.parse_args()\n"
            "json.dump({'acc': f(x)}, open(args.out_file, 'w'))",
            ["json r.json: acc"],
        ),
        (
            "import json\nfrom sklearn.metrics import classification_report\n"
            "r = classification_report(y, p, output_dict=True)\njson.dump(r, open('r.json', 'w'))",
            ["json r.json: accuracy macro avg.f1-score weighted avg.f1-score"],
        ),
        ("import json\njson.dump(unknown, open('r.json', 'w'))", ["json r.json"]),
        ("import json\njson.dump({'a': f()}, open('r.json'))", []),
        ("import json\njson.dump({'a': f()}, open('/tmp/r.json', 'w'))", []),
        ("import json\njson.dump({'a': f()}, open('../r.json', 'w'))", []),
        ("import json\njson.dump({'a': f()}, open(f'{name}.json', 'w'))", []),
        ("frame.to_csv('t.csv')", ["csv t.csv"]),
        ("import csv\nw = csv.writer(open('t.csv', 'w'))", ["csv t.csv"]),
        ("print('done')", []),
        ("print(f'epoch: {e}')", []),
    ],
)
def test_files_that_are_written(code: str, expected: list[str]) -> None:
    """The path and the keys of computed values are found; settings and inputs are not."""
    assert said(code) == expected


def test_any_label_counts_only_without_usual_metrics() -> None:
    """Beside an accuracy, a printed temperature is no metric."""
    both = "print(f'warmth: {w:.1f}')\nprint(f'accuracy: {a}')"
    assert said(both) == [r"stdout : accuracy:\s*([-+.\deE]+|nan|inf)"]
    assert said("print(f'warmth: {w:.1f}')") == [r"stdout : warmth:\s*([-+.\deE]+|nan|inf)"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from torch.utils.tensorboard import SummaryWriter\nw = SummaryWriter('logs')\n"
            "w.add_scalar('val/acc', acc, epoch)",
            ["tensorboard logs: val/acc"],
        ),
        (
            "from torch.utils.tensorboard import SummaryWriter\nw = SummaryWriter()\n"
            "w.add_scalar('loss', loss, global_step=i)",
            ["tensorboard runs: loss"],
        ),
        ("import wandb\nwandb.init()\nwandb.log({'acc': f(x), 'lr': 0.1})", ["wandb wandb: acc"]),
        ("import wandb\nrun = wandb.init()\nrun.log({'acc': f(x)})", ["wandb wandb: acc"]),
        ("import mlflow\nmlflow.log_metric('acc', a, step=1)", ["mlflow mlruns: acc"]),
        (
            "import mlflow\nmlflow.set_tracking_uri('sqlite:///m.db')\n"
            "mlflow.log_metrics({'acc': f(x), 'f1': g(x)})",
            ["mlflow m.db: acc f1"],
        ),
        (
            "import mlflow\nmlflow.set_tracking_uri('http://index.example')\n"
            "mlflow.log_metric('acc', a)",
            ["mlflow mlruns: acc"],
        ),
        (
            "import lightning as L\nclass M(L.LightningModule):\n"
            "    def validation_step(self, b, i):\n        self.log('val_acc', a)",
            ["tensorboard lightning_logs: val_acc"],
        ),
        (
            "from pytorch_lightning.loggers import CSVLogger\nlogger = CSVLogger('out')\n"
            "def step(self):\n    self.log('val_acc', a)",
            ["csv out/lightning_logs/*/metrics.csv: val_acc"],
        ),
        ("import numpy as np\nnp.save('out/test_acc', acc)", ["numpy out/test_acc.npy"]),
        ("import numpy as np\nnp.save('x.npy', x)", []),
        ("import numpy as np\nnp.savez('r.npz', acc=a, x=b)", ["numpy r.npz: acc"]),
        (
            "from transformers import Trainer, TrainingArguments\n"
            "args = TrainingArguments(output_dir='out')\ntrainer.save_metrics('eval', m)",
            ["json out/all_results.json: eval_loss"],
        ),
        (
            "import csv\nf = open('r.csv', 'w')\n"
            "w = csv.DictWriter(f, fieldnames=['epoch', 'val_acc'])",
            ["csv r.csv: val_acc"],
        ),
        ("import math\nmath.log(x)\nself.log('val_acc', a)", []),
    ],
)
def test_trackers_and_arrays(code: str, expected: list[str]) -> None:
    """What a script hands to a tracker is proposed, from where the tracker keeps it."""
    assert said(code) == expected
