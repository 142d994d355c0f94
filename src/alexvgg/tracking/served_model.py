"""The model that MLflow serves: images in, class probabilities out. Rebuilt from code, weights from disk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ServedModel(PythonModel):
    """Images, uint8 (n, side, side, 3), to probabilities, float32 (n, classes)."""

    def load_context(self, context):
        from alexvgg.data.arrays import load_description
        from alexvgg.networks import runtime
        from alexvgg.rows.summary import Summary

        summary = Summary.read(Path(context.artifacts["summary"]))
        description = load_description(Path(context.artifacts["description"]))
        if "tensorflow" not in sys.modules:  # a program that uses it already has set it up as it wants
            runtime.start("float32", summary.seed)
        from alexvgg.evaluation.measures import rebuild  # TensorFlow is set up now
        from alexvgg.evaluation.prediction import Predictor

        with _precision(summary.recipe.precision):
            model = rebuild(summary, description, Path(context.artifacts["weights"]))
        self._predictor = Predictor.of(model, description, summary.crop, summary.recipe.batch_size)

    def predict(self, context, model_input, params=None):
        import numpy as np

        logits = self._predictor.logits(np.asarray(model_input, np.uint8))
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


@contextmanager
def _precision(name: str) -> Iterator[None]:
    """The Keras dtype policy of networks that are built in the block."""
    import keras

    earlier = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(earlier)


set_model(ServedModel())
