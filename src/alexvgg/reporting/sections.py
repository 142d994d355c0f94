"""What the page says in each of its sections, as plain values for its template."""

from typing import Any

import pandas as pd

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.reporting import embedding, likeness, mistakes, slide, table, talk, volumes
from alexvgg.reporting.comparisons import Comparison
from alexvgg.rows.row import Row, by_model

PAIRS, MISTAKES = 10, 12
MEASURES = ("val_acc", "acc", "val_loss", "loss")  # of an epoch, in the order of the page's tables
MOST_CELLS = 32  # groups for which the confusion is a table, too
EXTREMES = 10  # classes that are shown first, of each end
SIZE = 10  # pixels a unit, in drawings of networks


def scoreboard(results: pd.DataFrame) -> dict[str, Any]:
    """The table: a block of lines a model, ours and the slide's; a cell is its number and what follows it."""
    headings, lines = table.main_cells(results)
    columns = headings.index("Test top-5") + 1
    compared: dict[str, list[list[str]]] = {}
    if results["source"].iloc[0] == slide.DATA:
        for name, _, printed, _, difference in table.slide_cells(results):
            compared.setdefault(name, []).append([printed, difference])
    blocks = [
        {"name": name, "cells": [cell.partition(" ") for cell in cells[: columns - 1]], "compared": compared.get(name)}
        for name, *cells in lines
    ]
    return {"headings": headings[:columns], "models": blocks}


def epochs(rows: list[Row]) -> list[dict[str, Any]]:
    """Each model's history, means over its seeds."""
    found = []
    for model, several in by_model(rows).items():
        mean = pd.concat([row.history for row in several]).groupby("epoch")[list(MEASURES)].mean()
        lines = [[str(epoch), *(f"{number:.4f}" for number in line)] for epoch, *line in mean.itertuples()]
        found.append({"name": model, "lines": lines})
    return found


def classes(rows: dict[str, Row]) -> list[dict[str, Any]]:
    """Each class with its accuracy in every model, the easiest first."""
    found = {model: dict(mistakes.by_class(row.answers)) for model, row in rows.items()}
    names = list(next(iter(found.values())))
    mean = {name: sum(one[name] for one in found.values()) / len(found) for name in names}
    ordered = sorted(names, key=lambda name: (-mean[name], name))
    return [{"name": name, "shares": {model: one[name] for model, one in found.items()}} for name in ordered]


def model(row: Row, test: Split, description: Description) -> dict[str, Any]:
    """What the page says of one model."""
    summary, given = row.summary, row.answers
    groups = mistakes.confusion(given, description)
    every = description.model_copy(update={"superclasses": {}, "classes": _in_groups(description)})
    found = mistakes.mistakes(given, MISTAKES)
    return {
        "name": summary.model,
        "seed": summary.seed,
        "metrics": row.evaluation,
        "confusion": groups.tolist() if len(groups) <= MOST_CELLS else None,
        "every": embedding.shares(mistakes.confusion(given, every)),
        "pairs": mistakes.confused_pairs(given, description.classes, PAIRS),
        "mistakes": [vars(mistake) | {"image": embedding.image(test.images[mistake.index])} for mistake in found],
    }


def network(row: Row) -> dict[str, Any]:
    """A network as stages of polygons, and what it has to do with the talk's."""
    layers = row.evaluation.layers
    found = volumes.stages(layers)
    return {
        "name": row.summary.model,
        "parameters": sum(one.parameters for one in layers),
        "likeness": likeness.in_words(row),
        "stages": [_stage(stage) for stage in found],
    }


def comparison(found: Comparison) -> dict[str, Any]:
    """What the page says of one claim."""
    return {
        "title": f"{found.claim.slide}: {found.claim.title}",
        "says": found.claim.says,
        "measured": found.measured,
        "headings": talk.COMPARED,
        "rows": talk.comparison_cells(found),
        "verdicts": [(one.variant.name, one.in_words, one.held) for one in found.differences],
        "variants": [variant.name for variant in found.variants],
    }


def provenance(rows: list[Row], description: Description) -> dict[str, Any]:
    """What everything was made of, and each row."""
    summaries = [row.summary for row in rows]
    return {
        "data": [
            ("alexvgg", [", ".join(sorted({one.version for one in summaries}))]),
            ("Archive sha256", [description.archive_sha256]),
            ("Sha256 of the arrays", [f"{name} {digest}" for name, digest in description.sha256.items()]),
        ],
        "rows": [(one, table.how_trained(one)) for one in summaries],
    }


def _in_groups(description: Description) -> list[str]:
    return [name for members in description.groups.values() for name in members]


def _stage(stage: volumes.Stage) -> dict[str, Any]:
    width, height = SIZE * stage.width + 2, SIZE * stage.height + 2
    faces = [
        {
            "kind": volume.kind,
            "face": face,
            "points": " ".join(f"{1 + SIZE * (left + x):.1f},{height - 1 - SIZE * y:.1f}" for x, y in corners),
        }
        for left, volume in stage.placed
        for face, corners in volume.faces.items()
    ]
    return {"title": stage.title, "lines": stage.lines, "width": width, "height": height, "faces": faces}
