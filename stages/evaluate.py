"""DVC stage `evaluate@<model>-<seed>`: metrics and answers of one network on the test split."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg import console, files, layout, params_file, recording, runtime
from alexvgg.checkpoint import Checkpoints
from alexvgg.identity import evaluation_key
from alexvgg.tracking.follower import following


def main(model: str, seed: int) -> None:
    settings = params_file.load(layout.PARAMS)
    settings.entry(model)
    guard = layout.guard("evaluate", model=model, seed=seed)
    inputs, outputs = layout.training(settings.profile, model, seed)
    test, batch_size = layout.SPLITS["test"], settings.evaluation.batch_size
    key = evaluation_key(outputs, test, layout.sources("evaluate"), batch_size)
    with Checkpoints(layout.checkpoints(f"evaluate-{model}-{seed}", key)) as checkpoints:
        journal = recording.find_or_rebuild(layout.journals(), settings.profile, inputs, outputs)
        with following(journal.path, layout.PACKAGE):
            summary = files.read_json(outputs.summary)
            runtime.start(summary["recipe"]["precision"], seed)
            from alexvgg import measurement  # imports TensorFlow, which `start` has to set up first

            measured = measurement.measure(
                summary, inputs.description, inputs.train, test, outputs.weights, batch_size, checkpoints
            )
            guard.check()
            run = f"{model}-{seed}"
            measured.save_answers(layout.answers(settings.profile, run))
            files.write_json(layout.by_class(settings.profile, run), measured.by_class)
            files.write_json(layout.metrics(settings.profile, run), measured.metrics)
            recording.evaluated(journal, measured.metrics, measured.by_class)
        checkpoints.discard()


if __name__ == "__main__":
    runtime.with_huge_pages()
    console.stage(main, __doc__, model=str, seed=int)
