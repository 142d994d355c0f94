"""DVC stage `train@<model>-<seed>`: one network, trained; weights, history and summary."""

import _project  # noqa: F401, I001 - before everything else

from dataclasses import asdict

from alexvgg import console, layout, params_file, recording, runtime
from alexvgg.identity import identify


def main(model: str, seed: int) -> None:
    settings = params_file.load(layout.PARAMS)
    inputs, outputs = layout.training(settings.profile, model, seed)
    identity = identify(settings, model, seed, inputs, layout.PACKAGE)
    journal = recording.begin(layout.journals(), identity, settings.profile, inputs)
    with recording.of_training(journal, layout.PACKAGE):
        runtime.start(identity["recipe"]["precision"], seed)
        from alexvgg import experiment  # imports TensorFlow, which `start` has to set up first

        journal.append("environment", versions=runtime.versions())
        summary = experiment.train(
            settings, identity, inputs, outputs, lambda row: journal.append("epoch", **asdict(row))
        )
        recording.finish(journal, summary, inputs, outputs)


if __name__ == "__main__":
    console.stage(main, __doc__, model=str, seed=int)
