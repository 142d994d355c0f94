"""DVC stage `train@<model>-<seed>`: one network, trained; weights, history and summary."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg.checkpoints import store
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.networks import runtime
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.pipeline.observer import observing
from alexvgg.rows.identity import identify
from alexvgg.system import console, hardware
from alexvgg.tracking import recording


def main(model: str, seed: int) -> None:
    params = file.load(layout.PARAMS)
    inputs, row = layout.inputs(model), layout.row(params.profile, f"{model}-{seed}")
    params.entry(model)
    guard = layout.guard("train", model=model, seed=seed)
    store.remove_recorded(layout.all_checkpoints(), layout.locks())
    identity = identify(params, model, seed, inputs)
    with Checkpoints(layout.checkpoints(identity.name, identity.key)) as checkpoints:
        journal = recording.begin_or_resume(layout.journals(), params.profile, identity, inputs, checkpoints.found)
        with recording.of_training(journal, layout.PACKAGE), observing(identity, journal, guard) as observer:
            runtime.start(identity.recipe.precision, seed)
            from alexvgg.training import run  # imports TensorFlow, which `start` has to set up first

            journal.append("environment", versions=hardware.environment())
            summary = run.train(identity, inputs, row, checkpoints, observer)
            recording.finish(journal, summary, row, inputs)
        checkpoints.finish(row.summary)


if __name__ == "__main__":
    console.stage(main, __doc__, model=str, seed=int)
