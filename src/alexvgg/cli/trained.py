"""A trained network to ask: the best that MLflow has, or one of the roster from its weights."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexvgg.cli import tracking
from alexvgg.data.arrays import Description, load_description
from alexvgg.params.schema import Params
from alexvgg.pipeline import layout
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import DataError, ParamsError, TrackingError
from alexvgg.tracking import registered

BATCH = 32  # images at a time


@dataclass(frozen=True)
class Trained:
    """A trained network on disk. `title` says which, for people."""

    title: str
    summary: Summary
    description: Description
    weights: Path

    def start(self) -> Callable[[np.ndarray], np.ndarray]:
        """From images, uint8 (n, side, side, 3), to probabilities, float64 (n, classes), as `evaluate` has them.

        Raises DataError if the weights are damaged.
        """
        from alexvgg.networks import runtime

        runtime.start(self.summary.recipe.precision, self.summary.seed)
        from alexvgg.evaluation import measures, metrics  # TensorFlow is set up now
        from alexvgg.evaluation.prediction import Predictor

        model = measures.rebuild(self.summary, self.description, self.weights)
        predictor = Predictor.of(model, self.description, self.summary.crop, BATCH)
        return lambda images: np.exp(metrics.log_softmax(predictor.logits(images)))


def of_roster(params: Params, model: str, seed: int | None) -> Trained:
    """A row of the present profile. Raises ParamsError or DataError."""
    params.entry(model)
    seed = params.seeds[0] if seed is None else seed
    if seed not in params.seeds:
        raise ParamsError(f"seed {seed} is not in the profile; there are: {', '.join(map(str, params.seeds))}")
    name = f"{model}-{seed}"
    row = layout.row(params.profile, name)
    for path in (row.summary, row.weights):
        if not path.is_file():
            raise DataError(f"{path} does not exist; `make repro MODELS={model}` trains it, `dvc pull` fetches it")
    summary, description = Summary.read(row.summary), load_description(layout.DESCRIPTION)
    if files.sha256(layout.DESCRIPTION) != summary.data["description"]:
        raise DataError(f"{name} was trained on other data than {layout.DESCRIPTION} is of; run `make repro`")
    return Trained(f"{name} of profile {params.profile}", summary, description, row.weights)


@contextmanager
def best_of(profile: str) -> Iterator[Trained]:
    """What MLflow has under the alias `best`; its files are there for the block. Raises TrackingError."""
    default = layout.default_tracking_uri()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default
    try:
        if uri == default and not Path(default.removeprefix("sqlite:///")).is_file():
            raise registered.none_yet(profile)  # connecting would make a database
        with registered.best(tracking.target().connected(), profile) as found:
            summary = Summary.read(found.summary)
            title = f"{summary.name} of profile {profile} ({found.name}, version {found.version})"
            yield Trained(title, summary, load_description(found.description), found.weights)
    except TrackingError as error:
        raise TrackingError(f"{error}; or name one whose weights are here: --model NAME") from None
