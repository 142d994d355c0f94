"""The model that MLflow serves: images in, class probabilities out. Rebuilt from code, weights from disk."""

from pathlib import Path

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ServedModel(PythonModel):
    """Images, uint8 (n, side, side, 3), to probabilities, float32 (n, classes)."""

    def load_context(self, context):
        from alexvgg import files, runtime
        from alexvgg.data.arrays import load_description

        summary = files.read_json(Path(context.artifacts["summary"]))
        description = load_description(Path(context.artifacts["description"]))
        runtime.start(summary["recipe"]["precision"], summary["seed"])
        from alexvgg.evaluation import rebuild  # TensorFlow is set up now
        from alexvgg.prediction import Predictor

        model = rebuild(summary, description, Path(context.artifacts["weights"]))
        self._predictor = Predictor.of(model, description, summary["crop"], summary["evaluation_batch_size"])

    def predict(self, context, model_input, params=None):
        import numpy as np

        logits = self._predictor.logits(np.asarray(model_input, np.uint8))
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


set_model(ServedModel())
