"""The talk's result part as a deck of slides (PowerPoint's format): which slides, in which order."""

from pathlib import Path

import pandas as pd

from alexvgg.data.dataset import Split
from alexvgg.reporting import effort, slide, table
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.presentation import bars, comparing, curves, material, sentences, sheet
from alexvgg.reporting.presentation.style import BODY
from alexvgg.reporting.presentation.tables import Table
from alexvgg.reporting.results import SLIDE_COLUMNS, summarize
from alexvgg.system import files

CHART, CAPTION = BODY.first(4.45), BODY.below(4.5)


def write(path: Path, contents: Contents, test: Split) -> None:
    """Write the deck: results, curves, every comparison with its verdict, networks, recipes, data."""
    results = summarize(contents.rows)
    title = _title(contents)
    deck = sheet.Deck(title, f"alexvgg {contents.rows[0].summary.version} · profile {contents.profile}")
    deck.cover(title, _cover_lines(contents, results), sentences.source(contents, "results.md"))
    _results(deck, contents, results)
    _test(deck, contents, results)
    _curves(deck, contents, results)
    _effort(deck, contents)
    for one in contents.comparisons:
        comparing.claim(deck, contents, one)
    comparing.models(deck, contents)
    material.networks(deck, contents)
    material.training(deck, contents)
    material.data(deck, contents, test)
    with files.replacing(path, suffix=".pptx") as temporary:
        temporary.write_bytes(deck.content())


def _title(contents: Contents) -> str:
    title = contents.description.title
    if any(row.summary.architecture in slide.DRAWINGS for row in contents.rows):
        return f"AlexNet + VGG: results on {title}"
    return f"Results on {title}"


def _cover_lines(contents: Contents, results: pd.DataFrame) -> list[str]:
    images = contents.description.images
    seeds = sorted({len(one) for one in results["seeds"]})
    each = sentences.listed([sentences.counted(one, "seed") for one in seeds], "or")
    split = f"{images['train']:,} images to train, {images['val']:,} to validate, {images['test']:,} to test"
    models = sentences.counted(len(results), "model")
    return [f"{models}, {each}{' each' if len(results) > 1 else ''}", split, f"Profile {contents.profile}"]


def _results(deck: sheet.Deck, contents: Contents, results: pd.DataFrame) -> None:
    """The table with the talk's columns, and its numbers under those of the first model of each network there."""
    beside = sentences.beside(results)
    kicker = "RESULTS BESIDE THE TALK'S" if beside else "RESULTS"
    source = f"{sentences.source(contents, 'results.csv', 'results.md')}\n\n{table.footnote(results, contents.rows)}"
    deck.table(kicker, sentences.results(results, beside), _table(results), sentences.columns(results), source)


def _table(results: pd.DataFrame) -> Table:
    lines: list[list[str]] = []
    muted, strong, seen = set(), set(), set()
    best = results["val_acc"].max() if len(results) > 1 else None
    for (_, row), cells in zip(results.iterrows(), table.main_cells(results)[1], strict=True):
        if row["val_acc"] == best:
            strong.add(len(lines))
        lines.append(cells[: 2 + len(SLIDE_COLUMNS)])
        printed = slide.RESULTS.get(row["architecture"]) if row["source"] == slide.DATA else None
        if printed is None or row["architecture"] in seen:
            continue
        seen.add(row["architecture"])
        muted |= {len(lines), len(lines) + 1}
        lines.append(["   the talk", f"{printed['params']:,}", *(f"{printed[name]:.4f}" for name in SLIDE_COLUMNS)])
        differences = [f"{row[name] - printed[name]:+.4f}" for name in SLIDE_COLUMNS]
        lines.append(["   difference", f"{row['params'] - printed['params']:+,}", *differences])
    return Table(["Model", "Params", *table.SLIDE_HEADINGS], lines, "lrrrrr", frozenset(muted), frozenset(strong))


def _test(deck: sheet.Deck, contents: Contents, results: pd.DataFrame) -> None:
    images = contents.description.images["test"]
    source = f"{sentences.source(contents, 'results.csv')}\n\n{table.footnote(results, contents.rows)}"
    page = deck.slide("TEST", sentences.test(results, images), source)
    deck.picture(page, bars.intervals(results, CHART), CHART, "Accuracy of each model on the test images.")
    more = f" The best {bars.MOST} of {len(results)} models." if len(results) > bars.MOST else ""
    deck.note(page, f"Accuracy and 95 % interval (Wilson). Nothing was chosen by these images.{more}", CAPTION)


def _curves(deck: sheet.Deck, contents: Contents, results: pd.DataFrame) -> None:
    rows = contents.rows
    source, how = sentences.source(contents, "curves.csv"), sentences.lines(rows, len(results) > curves.TOGETHER)
    page = deck.slide("ACCURACY BY EPOCH", sentences.accuracy(results), source)
    png = curves.by_epoch(rows, "acc", "accuracy", CHART, _printed(results))
    deck.picture(page, png, CHART, "Accuracy by epoch, of each model.")
    deck.note(page, how, CAPTION)
    page = deck.slide("LOSS BY EPOCH", sentences.loss(rows), source)
    deck.picture(page, curves.by_epoch(rows, "loss", "loss", CHART, {}), CHART, "Loss by epoch, of each model.")
    deck.note(page, how, CAPTION)


def _printed(results: pd.DataFrame) -> dict[str, float]:
    """The talk's Val_ACC, by model, where a chart has room for it."""
    if results["source"].iloc[0] != slide.DATA or len(results) > curves.TOGETHER:
        return {}
    first = results.drop_duplicates("architecture")
    known = zip(first["model"], first["architecture"], strict=True)
    return {model: slide.RESULTS[one]["val_acc"] for model, one in known if one in slide.RESULTS}


def _effort(deck: sheet.Deck, contents: Contents) -> None:
    """What training cost; left out where no model came to the talk's accuracy, which the table says."""
    found = contents.efforts
    compared = [one for one in found if one.printed is not None]
    reached = any(one.epoch is not None for one in compared)
    if all(one.petaflop is None for one in found) or (compared and not reached):
        return
    source = f"{sentences.source(contents, 'results.md')}\n\n{effort.note(found)}"
    page = deck.slide("WHAT TRAINING COST", sentences.effort(found), source)
    shares = [line[-1] for line in effort.cells(found)[1]]
    deck.picture(page, bars.efforts(found, shares, CHART), CHART, "Arithmetic of each model's training.")
    note = "PFLOP: a million billion floating-point operations, of one training, forward and backward."
    deck.note(page, note + (" Blue: until the talk's Val_ACC." if reached else ""), CAPTION)
