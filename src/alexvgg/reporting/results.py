"""The results of all rows, one line a model: means over seeds, and their spread."""

import math
from typing import Any

import pandas as pd

from alexvgg.evaluation import cost
from alexvgg.evaluation.metrics import accuracy_interval
from alexvgg.reporting import slide
from alexvgg.rows.row import Row
from alexvgg.rows.summary import Summary

SLIDE_COLUMNS = ("loss", "val_loss", "acc", "val_acc")
MEASURED = (*SLIDE_COLUMNS, "test_loss", "test_acc", "test_top5")


Measured = tuple[Summary, dict[str, float]]  # a training, and what its evaluation measured


def summarize(rows: list[Row]) -> pd.DataFrame:
    """One line a model, in the order of the rows.

    Columns: model, architecture, source, params, the mean of each of MEASURED, its standard deviation
    (`<name>_sd`, missing for a single seed), test_acc_low and test_acc_high (95 %), seeds, and whether training went
    to its end (`finished`).
    """
    return table_of([(row.summary, row.evaluation.metrics) for row in rows])


def table_of(rows: list[Measured]) -> pd.DataFrame:
    """As `summarize`."""
    models = dict.fromkeys(summary.model for summary, _ in rows)
    return pd.DataFrame([_line([row for row in rows if row[0].model == model]) for model in models])


def _line(rows: list[Measured]) -> dict[str, Any]:
    first, first_metrics = rows[0]
    line: dict[str, Any] = {name: getattr(first, name) for name in ("model", "architecture", "source", "params")}
    measured = pd.DataFrame([summary.model_dump() | metrics for summary, metrics in rows])
    for name in MEASURED:
        if name not in measured:  # top-5 of five classes or fewer
            measured[name] = math.nan
        line[name] = measured[name].mean()
        line[f"{name}_sd"] = measured[name].std(ddof=1)
    interval = first_metrics["test_acc_low"], first_metrics["test_acc_high"]
    if len(rows) > 1:  # of the mean, from the number of test images
        interval = accuracy_interval(line["test_acc"], first.images["test"])
    line["test_acc_low"], line["test_acc_high"] = interval
    line["seeds"] = [summary.seed for summary, _ in rows]
    line["finished"] = all(cost.finished(summary) for summary, _ in rows)
    return line


def headline(results: pd.DataFrame) -> dict[str, dict[str, float]]:
    """By model, the numbers that `dvc metrics` shows; deviations where there are several seeds."""
    names = (*MEASURED, "val_acc_sd", "test_acc_sd")
    lines = results.to_dict("records")
    return {line["model"]: {name: line[name] for name in names if not pd.isna(line[name])} for line in lines}


def document(profile: str, rows: list[Row]) -> dict[str, Any]:
    """`results.json`: the table, and all that is known of each row, so that both can be checked."""
    table = entries(summarize(rows))
    whole = [{"key": row.summary.key, **row.summary.model_dump(), **row.evaluation.metrics} for row in rows]
    return {"profile": profile, "table": table, "rows": whole}


def entries(results: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of the table, as in `results.json`."""
    names = ("model", "params", *SLIDE_COLUMNS, "test_acc", "test_acc_low", "test_acc_high", "seeds", "finished")
    return [{name: line[name] for name in names} for line in results.to_dict("records")]


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


def curves(rows: list[Row]) -> pd.DataFrame:
    """`curves.csv`: `model`, `seed`, `epoch`, `crop`, `split` (train, val), `loss`, `acc`; two lines an epoch."""
    parts = []
    for row in rows:
        common = row.history[["epoch", "crop"]].assign(model=row.summary.model, seed=row.summary.seed)
        for split, prefix in (("train", ""), ("val", "val_")):
            measured = {name: row.history[f"{prefix}{name}"] for name in ("loss", "acc")}
            parts.append(common.assign(split=split, **measured))
    return pd.concat(parts)[["model", "seed", "epoch", "crop", "split", "loss", "acc"]]


def by_class(rows: list[Row]) -> pd.DataFrame:
    """`by_class.csv`: `class`, `model`, and `acc`, the share of right answers, over all seeds."""
    return shares(pd.concat([row.answers.assign(model=row.summary.model) for row in rows]))


def shares(answers: pd.DataFrame) -> pd.DataFrame:
    """As `by_class`; `answers` have a column `model`, too."""
    answers["acc"] = (answers["label"] == answers["answer"]).astype(float)
    shares = answers.groupby(["label", "model"], sort=True)["acc"].mean().reset_index()
    return shares.rename(columns={"label": "class"})
