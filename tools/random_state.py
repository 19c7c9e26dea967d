"""Which parts of scikit-learn take `random_state`: writes or checks data/random_state.json.

    pip install scikit-learn; python tools/random_state.py [--check]

`by_default` are random unless they get one; `if_shuffled` only with `shuffle=True`; the others can
be made random by another argument (a solver, say) and are left out: a finding must not cry wolf.
"""

from __future__ import annotations

import datetime
import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path

PATH = Path(__file__).parents[1] / "repropack" / "data" / "random_state.json"
#: Random only with other arguments than their defaults (a solver, a strategy, an initialisation).
SOMETIMES = """
ARDRegression ElasticNet ElasticNetCV Lasso LassoCV MultiTaskElasticNet MultiTaskElasticNetCV
MultiTaskLasso MultiTaskLassoCV Lars LassoLars LogisticRegression LogisticRegressionCV Ridge
RidgeClassifier LinearSVC LinearSVR SVC NuSVC OneClassSVM PCA KernelPCA TruncatedSVD NMF
MiniBatchNMF FactorAnalysis HuberRegressor DummyClassifier GaussianProcessClassifier
GaussianProcessRegressor IterativeImputer KBinsDiscretizer QuantileTransformer
SpectralBiclustering SpectralCoclustering SpectralEmbedding SelfTrainingClassifier
AgglomerativeClustering DecisionTreeClassifier DecisionTreeRegressor GradientBoostingClassifier
GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor
SplineTransformer RFECV ClassifierChain RegressorChain TargetEncoder Perceptron
StackingClassifier LocallyLinearEmbedding locally_linear_embedding spectral_embedding
ridge_regression lasso_path enet_path MDS smacof silhouette_score estimate_bandwidth
quantile_transform PartialDependenceDisplay AffinityPropagation check_cv affinity_propagation
TunedThresholdClassifierCV learning_curve randomized_svd non_negative_factorization
dict_learning resample mutual_info_score
"""


def found() -> dict[str, list[str]]:
    """Names of the installed scikit-learn, by when they are random."""
    import sklearn

    names: dict[str, set[str]] = {"by_default": set(), "if_shuffled": set()}
    for module in pkgutil.iter_modules(sklearn.__path__):
        if module.name.startswith("_") or module.name in (
            "tests",
            "externals",
            "conftest",
            "utils",
        ):
            continue
        public = importlib.import_module(f"sklearn.{module.name}")
        for name in getattr(public, "__all__", ()):
            try:
                parameters = parameters_of(getattr(public, name))
            except ImportError:
                continue  # experimental: hidden until it is enabled
            if (
                name in SOMETIMES.split()
                or name.startswith("Base")
                or "random_state" not in parameters
            ):
                continue
            if parameters["random_state"].default is not None:
                continue  # it has a seed of its own
            shuffle = parameters.get("shuffle")
            by_default = shuffle is None or shuffle.default is True
            names["by_default" if by_default else "if_shuffled"].add(name)
    return {kind: sorted(each) for kind, each in names.items()}


def parameters_of(thing: object) -> dict[str, inspect.Parameter]:
    """The parameters of a class or a function; none of what has no signature."""
    try:
        return dict(inspect.signature(thing).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}


def main() -> int:
    """Write the table, or say what differs."""
    import sklearn

    names = found()
    if "--check" in sys.argv:
        old = json.loads(PATH.read_text("utf-8"))
        differing = {kind: sorted(set(old[kind]) ^ set(each)) for kind, each in names.items()}
        sys.stdout.write(f"{differing}\n")
        return int(any(differing.values()))
    table = {
        "source": f"the signatures of scikit-learn {sklearn.__version__} (tools/random_state.py)",
        "date": datetime.date.today().isoformat(),
        **names,
    }
    PATH.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
