"""The slides about comparisons: a claim of the talk each, and models that differ in their settings."""

from alexvgg.reporting import variants
from alexvgg.reporting.comparisons import Comparison, Difference
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.presentation import bars, curves, sentences, sheet, style, tables, verdicts
from alexvgg.reporting.presentation.style import BODY
from alexvgg.reporting.presentation.tables import Table
from alexvgg.rows.row import Row


def claim(deck: sheet.Deck, contents: Contents, found: Comparison) -> None:
    """A claim of the talk: what it says, what was measured, the verdict."""
    said = found.claim
    source = f"{sentences.source(contents, 'talk/README.md')}\n\nMeasured: {found.measured}."
    shown = deck.slide(f"{said.slide.upper()} · {said.title.upper()}", verdicts.comparison(found), source)
    top = sheet.panel_height(said.says, BODY.width)
    deck.panel(shown, "THE CLAIM", said.says, BODY.first(top))
    left, right = BODY.below(top, gap=0.25).split(0.38)
    speed = said.measure == "epochs_to_error"
    png = curves.errors(found, contents.rows, left) if speed else bars.variants(found, left)
    deck.picture(shown, png, left, f"{said.title}: {found.measured}.")
    seeds = max(len(one.values) for one in found.variants)
    chance = f"Mean ± standard deviation over {seeds} seeds; 95 % interval." if seeds > 1 else variants.ONE_SEED
    note = f"Measured: {found.measured}; the lower, the better. {chance}"
    room = right.first(right.height - style.height(note, style.SMALL, right.width) - 0.15)
    made = _compared(found)
    tables.draw(shown, made, room, said.title)
    deck.note(shown, note, right.below(tables.height(made, room), gap=0.15))


def _compared(found: Comparison) -> Table:
    """What was measured of each variant, the reference first."""
    lines = [[found.reference.name, found.reference.spread, "", "reference"]]
    for one in found.differences:
        lines.append([one.variant.name, one.variant.spread, _with_interval(one), verdicts.verdict(one)])
    return Table(["", "Measured", "Difference", "Claim"], lines, "lrrl", muted=frozenset({0}))


def _with_interval(one: Difference) -> str:
    return f"{one.difference:+.4f} {one.half_width}".removesuffix(" –")


def models(deck: sheet.Deck, contents: Contents) -> None:
    """Models that differ in settings alone, a slide for each group of them."""
    for group in variants.groups(contents.rows):
        _models(deck, contents, group)


def _models(deck: sheet.Deck, contents: Contents, group: list[Row]) -> None:
    _, found = variants.cells(group)
    said = ["reference", *map(verdicts.beyond_chance, variants.compared(group))]
    lines = [[*line[:3], f"{line[3]} {line[4].replace('–', '')}".strip(), verdict]
             for line, verdict in zip(found, said, strict=True)]  # fmt: skip
    made = Table(["Model", "Differs in", "Val_ACC", "Difference", "Verdict"], lines, "llrrl", muted=frozenset({0}))
    source = f"{sentences.source(contents, 'results.md')}\n\n{variants.note(group)}"
    kicker = f"COMPARED WITH {found[0][0]}"
    deck.table(kicker, verdicts.variants(found, said), made, "", source)
