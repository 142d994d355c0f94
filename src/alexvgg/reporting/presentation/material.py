"""The slides about what was trained: the networks, the recipes, the data."""

from typing import Any

from alexvgg.data.dataset import Split
from alexvgg.reporting import slide, table, talk
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.presentation import facts, network, samples, sentences, shapes, sheet, style
from alexvgg.reporting.presentation.style import BODY, Box
from alexvgg.reporting.presentation.tables import Table
from alexvgg.rows.row import Row

LAYERS = 10  # lines of a table of layers


def networks(deck: sheet.Deck, contents: Contents) -> None:
    """A drawing of each architecture, of the first model that has it. Several are counted in a table."""
    shown = set()
    for row in contents.first_of_model.values():
        if row.summary.architecture not in shown:
            shown.add(row.summary.architecture)
            _network(deck, contents, row)
    drawn = talk.drawn_cells(contents.drawn)
    if len(drawn) > 1:
        made = Table(talk.DRAWN, drawn, "lrrrrrr")
        note = "Built at the talk's own input size and number of classes, and counted."
        source = sentences.source(contents, "talk/README.md")
        deck.table("NETWORKS AS THE TALK WRITES THEM", facts.drawn(drawn), made, note, source)


def _network(deck: sheet.Deck, contents: Contents, row: Row) -> None:
    summary, layers = row.summary, row.evaluation.layers
    figure = slide.DRAWINGS.get(summary.architecture)
    kicker = f"NETWORK · {summary.architecture}{f', after {figure} of the talk' if figure else ''}"
    source = sentences.source(contents, f"networks/{summary.model}.md")
    for name, size, _, parameters, printed, *_ in talk.drawn_cells(contents.drawn):
        if name == summary.architecture:
            source += (
                f"\n\nBuilt as the talk writes it, for {size}: {parameters} parameters; the talk prints {printed}."
            )
    found = network.stages(layers)
    if not network.fits(found, BODY):
        found = network.collapsed(found)
    if network.fits(found, BODY):
        kicker += f" · input {summary.crop} × {summary.crop} px · bars: parameters"
        page = deck.slide(kicker, facts.network(row), source)
        network.draw(page, found, BODY, f"The layers of {summary.model}, a column a stage, with shares of parameters.")
    else:
        deck.table(kicker, facts.network(row), network.as_table(layers, LAYERS), "", source)


def training(deck: sheet.Deck, contents: Contents) -> None:
    """A line a recipe."""
    recipes: dict[str, list[str]] = {}
    for model, row in contents.first_of_model.items():
        recipes.setdefault(table.how_trained(row.summary), []).append(model)
    first = contents.rows[0].summary
    note = f"Hardware: {first.hardware}. Archive sha256 {first.archive_sha256[:12]}…"
    made = Table(["Model", "Recipe"], [[", ".join(models), recipe] for recipe, models in recipes.items()], "ll")
    deck.table(
        "HOW IT WAS TRAINED", facts.training(contents.rows), made, note, sentences.source(contents, "results.md")
    )


def data(deck: sheet.Deck, contents: Contents, test: Split) -> None:
    described = contents.description
    groups = len(described.superclasses)
    titles = facts.data(described.title, described.images, len(described.classes), groups)
    figure = " · FIG 12" if described.source == slide.DATA else ""
    page = deck.slide(f"DATA{figure}", titles, sentences.source(contents, "the first test images of each class"))
    _samples(deck, page, samples.groups(test, described, BODY), "Test images")
    if described.superclasses:
        made = Table(talk.CLASSES, talk.class_cells(described), "ll")
        titles = facts.classes(described.superclasses)
        deck.table(f"CLASSES{figure}", titles, made, "", sentences.source(contents, "talk/README.md"))
    cropped = next((row.summary for row in contents.rows if row.summary.recipe.random_crop), None)
    if cropped:
        page = deck.slide(
            "RANDOM CROPS · FIG 5", facts.crops(cropped), sentences.source(contents, "the first test image")
        )
        found = samples.windows(test.images[0], cropped.resize, cropped.crop, BODY)
        _samples(deck, page, found, "A test image")
        said = BODY.below(found[0].box.bottom - BODY.top, gap=0.3)
        shapes.write(page, said, facts.CROPS, style.TEXT, style.INK)


def _samples(deck: sheet.Deck, page: Any, found: list[samples.Picture], what: str) -> None:
    for one in found:
        deck.picture(page, one.png, one.box, f"{what}: {one.name}.")
        name = Box(one.box.left, one.box.top - samples.NAME, one.room, samples.NAME)
        shapes.write(page, name, style.shortened(one.name, style.SMALL, one.room), style.SMALL, style.INK)
