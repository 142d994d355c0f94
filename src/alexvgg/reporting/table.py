"""The results table as Markdown: the slide's columns first, in its order and precision."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import pandas as pd

from alexvgg.evaluation import cost
from alexvgg.reporting import slide
from alexvgg.reporting.results import SLIDE_COLUMNS
from alexvgg.rows.row import Row, by_model
from alexvgg.rows.summary import Summary
from alexvgg.training import schedule

SLIDE_HEADINGS = ("Loss", "Val_Loss", "ACC", "Val_ACC")
BESIDE = ["Model", "", "Slide", "Here", "Difference"]


def markdown(profile: str, results: pd.DataFrame, rows: list[Row]) -> str:
    """`results.md`: title, settings, table, comparison with the slide, and what the columns mean."""
    parts = [f"# Results: profile `{profile}`", settings(rows), main_table(results)]
    if results["source"].iloc[0] == slide.DATA:
        comparison = slide_comparison(results)
        parts += [comparison] if comparison else []
    parts += [footnote(results, rows)]
    return "\n\n".join(parts) + "\n"


def main_table(results: pd.DataFrame) -> str:
    """The table itself."""
    return grid(*main_cells(results))


def main_cells(results: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table. The slide's Val_ACC and the difference only where the data are the slide's."""
    on_slide_data = results["source"].iloc[0] == slide.DATA
    headings = ["Model", "Params", *SLIDE_HEADINGS, "Test ACC (95 % interval)", "Test top-5"]
    headings += ["Slide Val_ACC", "Difference"] if on_slide_data else []
    lines = []
    for _, row in results.iterrows():
        test = f"{_spread(row, 'test_acc')} ({row['test_acc_low']:.4f}–{row['test_acc_high']:.4f})"
        cells = [_name(row), f"{row['params']:,}", *(_spread(row, name) for name in SLIDE_COLUMNS)]
        cells += [test, _spread(row, "test_top5")]
        if on_slide_data:
            printed = slide.RESULTS.get(row["architecture"], {}).get("val_acc")
            cells += ["–", "–"] if printed is None else [f"{printed:.4f}", f"{row['val_acc'] - printed:+.4f}"]
        lines.append(cells)
    return headings, lines


def slide_comparison(results: pd.DataFrame) -> str:
    """Every number that the slide prints, with ours and the difference; empty if no model is on it."""
    lines = slide_cells(results)
    return "## Beside the slide\n\n" + grid(BESIDE, lines) if lines else ""


def slide_cells(results: pd.DataFrame) -> list[list[str]]:
    """The lines of that table: of the first model of each architecture, since the others are its variants."""
    lines = []
    for _, row in results.drop_duplicates("architecture").iterrows():
        printed = slide.RESULTS.get(row["architecture"])
        if printed is None:
            continue
        params = [f"{printed['params']:,}", f"{row['params']:,}", f"{row['params'] - printed['params']:+,}"]
        lines.append([_name(row), "Params", *params])
        for name, heading in zip(SLIDE_COLUMNS, SLIDE_HEADINGS, strict=True):
            numbers = [f"{printed[name]:.4f}", _spread(row, name), f"{row[name] - printed[name]:+.4f}"]
            lines.append([_name(row), heading, *numbers])
    return lines


def settings(rows: list[Row]) -> str:
    """What was trained on what, one line a model."""
    first = rows[0].summary
    images = first.images
    lines = [
        f"Data: {first.title}, {images['train']:,} images to train, {images['val']:,} to validate, "
        f"{images['test']:,} to test. Archive sha256 `{first.archive_sha256[:12]}…`. Hardware: {_hardware(rows)}.",
        "",
    ]
    for several in by_model(rows).values():
        lines.append(f"- {several[0].summary.model}: {how_trained(several[0].summary)}")
    return "\n".join(lines)


def _hardware(rows: list[Row]) -> str:
    """What computed; where rows differ, which of them where."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.summary.hardware, []).append(row.summary.name)
    if len(found) == 1:
        return rows[0].summary.hardware
    return "; ".join(f"{hardware} ({', '.join(names)})" for hardware, names in found.items())


def how_trained(summary: Summary) -> str:
    """Size and recipe of one training, in a line."""
    recipe = summary.recipe
    decay = f", weight decay {recipe.weight_decay:g}" if recipe.weight_decay else ""
    smoothing = f", label smoothing {recipe.label_smoothing:g}" if recipe.label_smoothing else ""
    padding = f", padding {recipe.padding} px" if recipe.padding else ""
    cutmix = f", CutMix of {recipe.cutmix:.0%}" if recipe.cutmix else ""
    erasing = f", erasing in {recipe.erasing:.0%}" if recipe.erasing else ""
    early = "".join(
        f"{len(list(epochs))} of them at {crop} px, "
        for crop, epochs in groupby(schedule.crops(recipe, summary.crop))
        if crop != summary.crop
    )
    restart = f" (again from {recipe.restart:g} of it)" if recipe.restart and early else ""
    made, planned = cost.steps(recipe, summary.images["train"])
    stopped = f"stopped after {made:,} of {planned:,} steps, " if made < planned else ""
    return (
        f"{summary.crop} × {summary.crop} px cut from {summary.resize}, {recipe.epochs} epochs, "
        f"{early}{stopped}batch {recipe.batch_size}, {recipe.optimizer} {recipe.learning_rate:g}, "
        f"{recipe.schedule}{restart}{decay}{smoothing}{padding}{cutmix}{erasing}, {recipe.precision}"
    )


def footnote(results: pd.DataFrame, rows: list[Row]) -> str:
    """What the columns mean."""
    seeds = max(len(seeds) for seeds in results["seeds"])
    several = f" With several seeds, a cell is mean ± standard deviation over {seeds} runs." if seeds > 1 else ""
    smoothed = any(row.summary.recipe.label_smoothing for row in rows)
    smoothing = " Both losses include the label smoothing." if smoothed else ""
    hidden = any(row.summary.recipe.cutmix or row.summary.recipe.erasing for row in rows)
    plain = ", of images of which no part is hidden" if hidden else ""
    return (
        "Loss and ACC are what Keras prints for the last epoch: means over its training steps, while the weights "
        f"change and dropout is on{plain}. Val_Loss and Val_ACC are measured after it, on images held out from the "
        f"training part.{smoothing} Nothing is chosen by the test part, which is read after training; its interval is "
        f"Wilson's.{several}"
    )


def _name(row: Any) -> str:
    return str(row["model"]) if row["finished"] else f"{row['model']} (not trained to the end)"


def _spread(row: Any, name: str) -> str:
    if pd.isna(row[name]):
        return "–"
    deviation = row[f"{name}_sd"]
    return f"{row[name]:.4f}" + ("" if pd.isna(deviation) else f" ± {deviation:.4f}")


def grid(headings: list[str], lines: Iterable[list[str]], right: bool = True) -> str:
    """A Markdown table, padded so that it can be read in a terminal; the columns after the first right-aligned."""
    rows = [headings, *lines]
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(headings))]

    def line(cells: list[str]) -> str:
        aligned = [cell.rjust(width) if right else cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        return "| " + " | ".join([cells[0].ljust(widths[0]), *aligned[1:]]) + " |"

    rule = ["-" * widths[0], *("-" * (width - 1) + (":" if right else "-") for width in widths[1:])]
    return "\n".join([line(headings), line(rule), *(line(row) for row in rows[1:])])
