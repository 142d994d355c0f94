"""The page's charts: the curves, how often networks are right by how sure they are, what the slides claim."""

import math
from typing import Any

import altair as alt
import numpy as np

from alexvgg.reporting import calibration, slide, vega
from alexvgg.reporting.comparisons import Comparison, Variant
from alexvgg.reporting.vega import Values, short
from alexvgg.rows.row import Row, by_model

Specification = dict[str, Any]


def curves(rows: list[Row]) -> dict[str, Specification]:
    """A chart of each measure by epoch."""
    return {"accuracy": _curve(rows, "acc", "Accuracy"), "loss": _curve(rows, "loss", "Loss")}


def reliability(rows: dict[str, Row]) -> Specification:
    """How often answers are right, by how sure the network is; of one row a model."""
    values = [
        {"model": model, "confidence": short(one.confidence), "accuracy": short(one.accuracy), "share": one.share}
        for model, row in rows.items()
        for one in calibration.bins(row.answers)
    ]
    ends, percent = alt.Scale(domain=[0, 1]), alt.Axis(format="%", tickCount=5)
    x = alt.X("confidence:Q", title="How sure", axis=percent, scale=ends)
    y = alt.Y("accuracy:Q", title="How often right", axis=percent, scale=ends)
    size = alt.Size("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[16, 900]))
    line = alt.Chart(alt.Data(values=[{"confidence": end, "accuracy": end} for end in (0, 1)]))
    ideal = line.mark_line(color="var(--soft)", strokeDash=[2, 4], strokeWidth=1.5).encode(x=x, y=y)
    base = vega.chart(values).encode(x=x, y=y, color=vega.color(list(rows)))
    layers = [ideal, base.mark_line(strokeWidth=1.5, opacity=0.5), base.mark_circle(opacity=0.85).encode(size=size)]
    return vega.finished(layers, list(rows), "How often answers are right, by how sure the network is of them.")


def errors(found: Comparison, rows: list[Row]) -> Specification:
    """Of a comparison, the error by epoch: mean and range over seeds."""
    values = [point for variant in found.variants for point in _range(variant, by_model(rows)[variant.model])]
    names = [variant.name for variant in found.variants]
    x = vega.epochs(max(point["epoch"] for point in values))
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=6))
    base = vega.chart(values).encode(x=x, y=y, color=vega.color(names), strokeDash=vega.dashes())
    limits = {"y": alt.Y("low:Q", title=None), "y2": alt.Y2("high:Q")}
    band = vega.chart(values).mark_area(opacity=0.18).encode(x=x, color=vega.color(names), detail="split:N", **limits)
    return vega.finished([band, base.mark_line(strokeWidth=2)], names, "Error by epoch, mean and range over seeds.")


def measured(found: Comparison) -> Specification:
    """Of a comparison, what is compared: mean and standard deviation, and a point a seed."""
    names = [variant.name for variant in found.variants]
    means = [_spread(variant) for variant in found.variants]
    seeds = [{"model": variant.name, "value": short(one)} for variant in found.variants for one in variant.values]
    x = alt.X("value:Q", title=None, axis=alt.Axis(tickCount=5))
    y = alt.Y("model:N", title=None, sort=names, axis=alt.Axis(grid=False, labelLimit=120, ticks=False))
    bars = vega.chart(means).mark_bar(opacity=0.75, height={"band": 0.5}).encode(x=x, y=y, color=vega.color(names))
    whisker = vega.chart(means).mark_rule(color="var(--ink)").encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    points = vega.chart(seeds).mark_circle(color="var(--ink)", size=22, opacity=1).encode(x=x, y=y)
    return vega.finished([bars, whisker, points], names, f"{found.measured}, of each variant and seed.")


def _curve(rows: list[Row], measure: str, title: str) -> Specification:
    models, color = list(by_model(rows)), vega.color(list(by_model(rows)))
    values = [point for row in rows for point in _points(row, measure)]
    printed = _printed(rows) if measure == "acc" else []
    seen = [one["value"] for one in values + printed]
    x = vega.epochs(max(int(row.history["epoch"].max()) for row in rows))
    scale = alt.Scale(domain=[min(seen), max(seen)], nice=True)
    y = alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=6))
    line = vega.chart(values).mark_line(strokeWidth=2, strokeJoin="round")
    lines = line.encode(x=x, y=y, color=color, strokeDash=vega.dashes(), detail="seed:N")
    here = vega.chart(values).transform_filter(vega.LOOKED_AT)
    rule = here.transform_aggregate(groupby=["epoch"]).mark_rule(color="var(--soft)").encode(x=x)
    points = here.mark_circle(size=50, opacity=1).encode(x=x, y=y, color=color)
    layers = [*_growth(rows, color, x), rule, lines, points, *_references(printed, color, y)]
    said = f"{title} by epoch: solid on validation images, dashed on training images."
    return vega.finished(layers, models, said)


def _points(row: Row, measure: str) -> Values:
    whose = {"model": row.summary.model, "seed": row.summary.seed}
    return [
        whose | {"split": split, "epoch": int(epoch), "value": short(value)}
        for split, name in (("validation", f"val_{measure}"), ("training", measure))
        for epoch, value in zip(row.history["epoch"], row.history[name], strict=True)
        if math.isfinite(value)
    ]


def _growth(rows: list[Row], color: alt.Color, x: alt.X) -> list[alt.Chart]:
    """A dotted line where a model's crops grow."""
    places = {
        (row.summary.model, float(epoch) - 0.5)
        for row in rows
        for epoch in row.history.loc[row.history["crop"].diff() > 0, "epoch"]
    }
    values = [{"model": model, "epoch": epoch} for model, epoch in sorted(places)]
    rules = vega.chart(values).mark_rule(strokeDash=[1, 4], strokeWidth=1.5).encode(x=x, color=color)
    return [rules] if values else []


def _printed(rows: list[Row]) -> Values:
    """The slide's validation accuracy, for the first model of each architecture that it has; on its data only."""
    firsts = {row.summary.architecture: row.summary for row in reversed(rows) if row.summary.source == slide.DATA}
    return [
        {"model": one.model, "value": slide.RESULTS[one.architecture]["val_acc"], "text": f"slide {one.model}"}
        for one in firsts.values()
        if one.architecture in slide.RESULTS
    ]


def _references(printed: Values, color: alt.Color, y: alt.Y) -> list[alt.Chart]:
    """A horizontal line at each, named at its left end."""
    base = vega.chart(printed).encode(y=y, color=color)
    text = base.mark_text(align="left", baseline="bottom", dx=2, dy=-2).encode(x=alt.value(0), text="text:N")
    return [base.mark_rule(opacity=0.45), text] if printed else []


def _range(variant: Variant, rows: list[Row]) -> Values:
    """A variant's training and validation error at every epoch."""
    found = []
    for split, name in (("validation", "val_acc"), ("training", "acc")):
        seeds = 1 - np.stack([row.history[name].to_numpy() for row in rows])
        columns = zip(rows[0].history["epoch"], seeds.mean(axis=0), seeds.min(axis=0), seeds.max(axis=0), strict=True)
        found += [
            {"model": variant.name, "split": split, "epoch": int(epoch), "mean": short(mean), "low": short(low),
             "high": short(high)}
            for epoch, mean, low, high in columns
        ]  # fmt: skip
    return found


def _spread(variant: Variant) -> dict[str, Any]:
    deviation = 0.0 if math.isnan(variant.deviation) else variant.deviation
    low, high = short(variant.mean - deviation), short(variant.mean + deviation)
    return {"model": variant.name, "value": short(variant.mean), "low": low, "high": high}
