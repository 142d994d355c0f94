"""DVC stage `train@<model>-<seed>`: one network, trained; weights, history and summary."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg import console, layout, params_file, recording, runtime
from alexvgg.checkpoint import Checkpoints
from alexvgg.identity import identify


def main(model: str, seed: int) -> None:
    settings = params_file.load(layout.PARAMS)
    settings.entry(model)
    guard = layout.guard("train", model=model, seed=seed)
    inputs, outputs = layout.training(settings.profile, model, seed)
    identity = identify(settings, model, seed, inputs)
    with Checkpoints(layout.checkpoints(f"{model}-{seed}", identity["key"])) as checkpoints:
        journal = recording.begin_or_resume(
            layout.journals(), identity, settings.profile, inputs, resumed=checkpoints.exist
        )
        with recording.of_training(journal, layout.PACKAGE):
            runtime.start(identity["recipe"]["precision"], seed)
            from alexvgg import experiment  # imports TensorFlow, which `start` has to set up first

            journal.append("environment", versions=runtime.versions())
            into = recording.steps_into(journal), recording.epochs_into(journal)
            summary = experiment.train(settings, identity, inputs, outputs, checkpoints, *into, guard.check)
            recording.finish(journal, summary, inputs, outputs)
        checkpoints.discard()


if __name__ == "__main__":
    runtime.with_huge_pages()
    console.stage(main, __doc__, model=str, seed=int)
