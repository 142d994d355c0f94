"""Which rows of the table have to be made, the longest first."""

import json
import subprocess
from collections.abc import Iterable
from typing import Any

from alexvgg.evaluation import cost
from alexvgg.jobs import dvc
from alexvgg.params.recipe import Recipe
from alexvgg.params.schema import Params
from alexvgg.system.errors import EnvironmentProblem
from alexvgg.training import schedule


def stale(rows: list[str]) -> list[str]:
    """Those of these rows that DVC would make or restore. Raises EnvironmentProblem if it cannot say."""
    stages = [stage for row in rows for stage in dvc.stages_of(row)]
    asked = subprocess.run(dvc.command("status", "--json", *stages), capture_output=True, text=True)
    try:
        changed = json.loads(asked.stdout)
    except ValueError:
        raise EnvironmentProblem(f"DVC cannot say which rows are made: {asked.stderr.strip()}") from None
    return [row for row in rows if any(stage in changed for stage in dvc.stages_of(row))]


def costs(params: Params, rows: Iterable[str], images: int, networks: dict[str, Any]) -> dict[str, float]:
    """What the training of each row costs, as a rough number of operations.

    `images` are those of an epoch; `networks` is what the stage of that name wrote. A network that no slide draws, or
    of which a layer cannot be counted, is taken to cost what the dearest of them does.
    """
    known = {
        name: one["forward_flop"] / one["input_size"] ** 2
        for name, one in networks["slides"].items()
        if one["forward_flop"] is not None
    }
    found = {}
    for row in rows:
        model = row.rpartition("-")[0]
        entry, recipe = params.models[model], params.recipe(model)
        a_pixel = known.get(entry.architecture, max(known.values(), default=1.0))
        found[row] = a_pixel * _pixels(recipe, entry.crop, images)
    return found


def _pixels(recipe: Recipe, crop: int, images: int) -> float:
    """Of all crops of a training."""
    all_epochs = sum(side**2 for side in schedule.crops(recipe, crop))
    made, planned = cost.steps(recipe, images)
    return all_epochs * images * made / max(planned, 1)
