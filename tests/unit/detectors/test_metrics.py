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
