"""Numbers that a script hands to a tracker or saves as arrays, as proposals for `metrics:`.

Owns: TensorBoard, Weights & Biases, MLflow, Sacred, Lightning, Hugging Face's Trainer, NumPy, and
the columns of CSV files. Does not own: JSON and printed numbers (`metrics`, `printed`).
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable
from typing import Final

from repropack.config import suggest_name
from repropack.detectors.code import Call, Code
from repropack.detectors.printed import is_usual
from repropack.detectors.values import Values
from repropack.judge.model import Metric

_LIGHTNING: Final = frozenset(("lightning", "pytorch_lightning", "lightning_fabric"))
_DEFAULT_RUNS: Final = "runs"  # of SummaryWriter
_DEFAULT_STORE: Final = "mlruns"


def logged_metrics(call: Call, values: Values) -> tuple[Metric, ...]:
    """Return the metrics that one call writes; none if it is another kind of call."""
    last = call.name.rpartition(".")[2]
    found = _BY_NAME[last](call, values) if last in _BY_NAME else ()
    return tuple(metric for metric in found if metric.key or metric.reader == "numpy")


def _imports(code: Code, *names: str) -> bool:
    return any(name.partition(".")[0] in names for name in code.imports)


def _metrics(reader: str, path: str, keys: tuple[str, ...]) -> tuple[Metric, ...]:
    return tuple(
        Metric(name=suggest_name(key, default="metric"), reader=reader, path=path, key=key)
        for key in keys
    )


def _constant(call: Call, index: int, keyword: str) -> tuple[str, ...]:
    node = call.argument(index, keyword)
    return (node.value,) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ()


def _first_path(values: Values, names: tuple[str, ...], keywords: tuple[str, ...]) -> str | None:
    """The path that the first call of one of these names is given first, or by a keyword."""
    for call in values.code.calls:
        if call.name.endswith(names):
            nodes = [call.argument(0), *(call.argument(99, keyword) for keyword in keywords)]
            return next((path for node in nodes if (path := values.path_of(node))), None)
    return None


def _scalar(call: Call, values: Values) -> tuple[Metric, ...]:
    path = _first_path(values, ("SummaryWriter",), ("log_dir", "logdir")) or _DEFAULT_RUNS
    return _metrics("tensorboard", path, _constant(call, 0, "tag"))


def _log(call: Call, values: Values) -> tuple[Metric, ...]:
    """`wandb.log({…})`, a run's `log`, and `self.log("val_acc", …)` of Lightning."""
    if _imports(values.code, "wandb") and not call.name.startswith("self."):
        return _metrics("wandb", "wandb", values.keys_of(call.argument(0, "data")))
    if _imports(values.code, *_LIGHTNING) and call.name == "self.log":
        return _of_lightning(values, _constant(call, 0, "name"))
    return ()


def _log_dict(call: Call, values: Values) -> tuple[Metric, ...]:
    if _imports(values.code, *_LIGHTNING) and call.name == "self.log_dict":
        return _of_lightning(values, values.keys_of(call.argument(0, "dictionary")))
    return ()


def _of_lightning(values: Values, keys: tuple[str, ...]) -> tuple[Metric, ...]:
    """Where the logger writes that the script makes; by itself Lightning takes TensorBoard's."""
    if any(call.name.endswith("CSVLogger") for call in values.code.calls):
        root = _first_path(values, ("CSVLogger",), ("save_dir",))
        path = f"{root}/lightning_logs" if root else "lightning_logs"
        return _metrics("csv", f"{path}/*/metrics.csv", keys)
    path = _first_path(values, ("TensorBoardLogger",), ("save_dir",)) or "lightning_logs"
    return _metrics("tensorboard", path, keys)


def _log_metric(call: Call, values: Values) -> tuple[Metric, ...]:
    if not _imports(values.code, "mlflow"):
        return ()
    keys = _constant(call, 0, "key")
    if call.name.endswith("log_metrics"):
        keys = values.keys_of(call.argument(0, "metrics"))
    return _metrics("mlflow", _store(values), keys)


def _store(values: Values) -> str:
    for call in values.code.calls:
        if call.name.endswith("set_tracking_uri"):
            for uri in _constant(call, 0, "uri"):
                path = uri.removeprefix("sqlite:///").removeprefix("file:")
                path = posixpath.normpath(path)
                if "://" not in uri.removeprefix("sqlite:///") and not path.startswith(("/", "..")):
                    return path
    return _DEFAULT_STORE


def _log_scalar(call: Call, values: Values) -> tuple[Metric, ...]:
    if not _imports(values.code, "sacred"):
        return ()
    path = _first_path(values, ("FileStorageObserver", "FileStorageObserver.create"), ("basedir",))
    return _metrics("sacred", path or "runs", _constant(call, 0, "metric_name"))


def _save_metrics(call: Call, values: Values) -> tuple[Metric, ...]:
    """`trainer.save_metrics("eval", …)`: the loss is there whatever else is computed."""
    if not _imports(values.code, "transformers"):
        return ()
    out = _first_path(values, ("TrainingArguments",), ("output_dir",))
    keys = {"eval": "eval_loss", "test": "test_loss", "train": "train_loss"}
    if out is None:
        return ()
    found = tuple(keys[split] for split in _constant(call, 0, "split") if split in keys)
    return _metrics("json", f"{out}/all_results.json", found)


def _save(call: Call, values: Values) -> tuple[Metric, ...]:
    """`np.save("acc.npy", acc)`: a file whose name is that of a metric."""
    path = values.path_of(call.argument(0, "file")) if call.name == "numpy.save" else None
    stem = posixpath.basename(path or "").removesuffix(".npy")
    if path is None or not is_usual(stem):
        return ()
    path = path if path.endswith(".npy") else f"{path}.npy"
    return (Metric(name=suggest_name(stem, default="metric"), reader="numpy", path=path, key=""),)


def _savez(call: Call, values: Values) -> tuple[Metric, ...]:
    path = values.path_of(call.argument(0)) if call.name.startswith("numpy.") else None
    if path is None:
        return ()
    names = tuple(k.arg for k in call.node.keywords if k.arg and is_usual(k.arg))
    return _metrics("numpy", path if path.endswith(".npz") else f"{path}.npz", names)


def _dict_writer(call: Call, values: Values) -> tuple[Metric, ...]:
    """`csv.DictWriter(f, fieldnames=[…])`: the columns that are usual metrics."""
    path = values.opened_path(call.argument(0)) if call.name == "csv.DictWriter" else None
    names = values.code.value_of(call.argument(1, "fieldnames"))
    if path is None or not isinstance(names, (ast.List, ast.Tuple)):
        return ()
    texts = (item.value for item in names.elts if isinstance(item, ast.Constant))
    columns = tuple(text for text in texts if isinstance(text, str) and is_usual(text))
    return _metrics("csv", path, columns)


_BY_NAME: Final[dict[str, Callable[[Call, Values], tuple[Metric, ...]]]] = {
    "add_scalar": _scalar,
    "log": _log,
    "log_dict": _log_dict,
    "log_metric": _log_metric,
    "log_metrics": _log_metric,
    "log_scalar": _log_scalar,
    "save_metrics": _save_metrics,
    "save": _save,
    "savez": _savez,
    "savez_compressed": _savez,
    "DictWriter": _dict_writer,
}
