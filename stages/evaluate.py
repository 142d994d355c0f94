"""DVC stage `evaluate@<model>-<seed>`: the only reader of the test split; metrics of one trained network."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg import console, files, layout, params_file, recording, runtime
from alexvgg.tracking.follower import following


def main(model: str, seed: int) -> None:
    settings = params_file.load(layout.PARAMS)
    settings.entry(model)
    inputs, outputs = layout.training(settings.profile, model, seed)
    journal = recording.find_or_rebuild(layout.journals(), settings.profile, inputs, outputs)
    with following(journal.path, layout.PACKAGE):
        summary = files.read_json(outputs.summary)
        runtime.start(summary["recipe"]["precision"], seed)
        from alexvgg import evaluation  # imports TensorFlow, which `start` has to set up first

        metrics = evaluation.evaluate(
            summary,
            inputs.description,
            layout.SPLITS["test"],
            outputs.weights,
            settings.evaluation.batch_size,
        )
        files.write_json(layout.metrics(settings.profile, f"{model}-{seed}"), metrics)
        recording.evaluated(journal, metrics)


if __name__ == "__main__":
    console.stage(main, __doc__, model=str, seed=int)
