"""The results of all runs, one row a model: means over seeds, and their spread."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from alexvgg import cost
from alexvgg.metrics import accuracy_interval
from alexvgg.reporting import slide

SLIDE_COLUMNS = ("loss", "val_loss", "acc", "val_acc")
MEASURED = (*SLIDE_COLUMNS, "test_acc", "test_top5")


@dataclass(frozen=True)
class Run:
    """One training and its evaluation: what `train` and `evaluate` wrote."""

    summary: dict[str, Any]
    metrics: dict[str, Any]


def by_model(runs: list[Run]) -> dict[str, list[Run]]:
    """The runs of each model, in their order."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.summary["model"], []).append(run)
    return found


def summarize(runs: list[Run]) -> pd.DataFrame:
    """One row a model, in the order of the runs.

    Columns: model, architecture, source, params, the mean of each of MEASURED, its standard deviation
    (`<name>_sd`, missing for a single seed), test_acc_low and test_acc_high (95 %), seeds, and whether training went
    to its end (`finished`).
    """
    table = pd.DataFrame([{**run.summary, **run.metrics, "finished": _finished(run)} for run in runs])
    rows = []
    for model, group in table.groupby("model", sort=False):
        first = group.iloc[0]
        row = {"model": model, **{name: first[name] for name in ("architecture", "source", "params")}}
        for name in MEASURED:
            row[name] = group[name].mean()
            row[f"{name}_sd"] = group[name].std(ddof=1)
        row["test_acc_low"], row["test_acc_high"] = accuracy_interval(row["test_acc"], first["images"]["test"])
        row["seeds"] = [int(seed) for seed in group["seed"]]
        row["finished"] = bool(group["finished"].all())
        rows.append(row)
    return pd.DataFrame(rows)


def records(results: pd.DataFrame) -> list[dict[str, Any]]:
    """`results.json`: one object a model."""
    names = ("model", "params", *SLIDE_COLUMNS, "test_acc", "test_acc_low", "test_acc_high", "seeds", "finished")
    return [{name: _plain(row[name]) for name in names} for _, row in results.iterrows()]


def flat(results: pd.DataFrame) -> pd.DataFrame:
    """`results.csv`: every number in full precision, with the slide's beside it where it applies."""
    table = results.copy()
    table["seeds"] = [" ".join(map(str, seeds)) for seeds in table["seeds"]]
    if (table["source"] == slide.DATA).all():
        for name in SLIDE_COLUMNS:
            printed = [slide.RESULTS.get(architecture, {}).get(name) for architecture in table["architecture"]]
            table[f"slide_{name}"] = pd.Series(printed, dtype=float)
            table[f"difference_{name}"] = table[name] - table[f"slide_{name}"]
    return table


def _finished(run: Run) -> bool:
    made, planned = cost.steps(run.summary)
    return made == planned


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
