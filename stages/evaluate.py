"""DVC stage `evaluate@<model>-<seed>`: metrics and answers of one network on the test split."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg.checkpoints import store
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.data import arrays
from alexvgg.networks import runtime
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.rows import answers
from alexvgg.rows.identity import evaluation_key
from alexvgg.rows.summary import Summary
from alexvgg.system import console
from alexvgg.tracking import recording
from alexvgg.tracking.sender_process import sending


def main(model: str, seed: int) -> None:
    params = file.load(layout.PARAMS)
    params.entry(model)
    name, batch_size = f"{model}-{seed}", params.evaluation.batch_size
    guard, row = layout.guard("evaluate", model=model, seed=seed), layout.row(params.profile, name)
    store.remove_recorded(layout.all_checkpoints(), layout.locks())
    data = (layout.SPLITS["train"], layout.SPLITS["test"], layout.DESCRIPTION)
    read = (row.weights, row.summary, *data, layout.network_code(model), layout.stage_code("evaluate"))
    with Checkpoints(layout.checkpoints(f"evaluate-{name}", evaluation_key(read, batch_size))) as checkpoints:
        journal = recording.find_or_rebuild(layout.journals(), params.profile, row, layout.inputs(model))
        with sending(journal.path, layout.PACKAGE):
            runtime.start(Summary.read(row.summary).recipe.precision, seed)
            from alexvgg.evaluation import run  # imports TensorFlow, which `start` has to set up first

            description = arrays.load_description(layout.DESCRIPTION)
            test, train = (arrays.load(layout.SPLITS[split], description) for split in ("test", "train"))
            evaluation, given = run.evaluate(row, run.Data(test, train, description), batch_size, checkpoints)
            guard.check()
            answers.write(row.answers, given)
            evaluation.write(row.evaluation)
            recording.evaluated(journal, evaluation, given)
        checkpoints.finish(row.evaluation)


if __name__ == "__main__":
    console.stage(main, __doc__, model=str, seed=int)
