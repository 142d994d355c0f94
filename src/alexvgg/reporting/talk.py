"""The talk, slide by slide, as Markdown: what each shows, and what was computed here."""

from typing import Any

from alexvgg.data.arrays import Description
from alexvgg.reporting import likeness, slide
from alexvgg.reporting.comparisons import Comparison, Difference
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.table import grid

DRAWN = ["Network", "Input", "Classes", "Parameters", "Slide", "Same", "Forward GFLOP"]
COMPARED = ["", "Measured", "Difference", "95 % interval", "Claim"]
CLASSES = ["Superclass", "Classes"]


def markdown(contents: Contents) -> str:
    """`talk/README.md`."""
    parts = [f"# The talk, slide by slide: profile `{contents.profile}`", overview(contents)]
    if drawn := drawn_cells(contents.drawn):
        note = "Built here at the slides' own input size and number of classes, and counted."
        parts += ["## Networks as the slides write them", grid(DRAWN, drawn), note]
    for comparison in contents.comparisons:
        parts += [f"## {_heading(comparison, contents.comparisons)}", *section(comparison)]
    parts += ["## Fig 12: classes", classes(contents.description)]
    return "\n\n".join(parts) + "\n"


def overview(contents: Contents) -> str:
    """One line a slide, with a link to what was made for it."""
    lines = [["Result", "the results table", "[results.md](../results.md)"]]
    for name, row in contents.first_of_model.items():
        where = likeness.figure(row.summary) or "–"
        links = f"[layers](../networks/{name}.md), [drawing](../networks/{name}.png)"
        lines.append([where, f"the network {name}", links])
    for comparison in contents.comparisons:
        below = f"[below](#{_anchor(_heading(comparison, contents.comparisons))})"
        lines.append([comparison.claim.slide, comparison.claim.title, below])
    lines.append(["Fig 5", "random crops", "`data/pictures/crops.png`, made by the pipeline and kept by DVC"])
    lines.append(
        [
            "Fig 12",
            "classes, and some images",
            "below; `data/pictures/montage.png`, made by the pipeline and kept by DVC",
        ]
    )
    return grid(["Slide", "shows", "Here"], lines, right=False)


def drawn_cells(drawn: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Parameters as the slides print them beside those of the built networks."""
    lines = []
    for architecture, counted in drawn.items():
        if architecture not in slide.DRAWINGS:
            continue  # a network that is not the talk's
        printed, same = _printed(architecture, counted["parameters"])
        size = f"{counted['input_size']} × {counted['input_size']} × 3"
        flop = "unknown" if counted["forward_flop"] is None else f"{counted['forward_flop'] / 1e9:.3f}"
        lines.append([architecture, size, str(counted["classes"]), f"{counted['parameters']:,}", printed, same, flop])
    return lines


def _printed(architecture: str, parameters: int) -> tuple[str, str]:
    if architecture in slide.RESULTS:
        printed = int(slide.RESULTS[architecture]["params"])
        return f"{printed:,}", "yes" if printed == parameters else "no"
    if architecture in slide.MILLIONS:
        millions = slide.MILLIONS[architecture]
        return f"{millions} million", "yes" if round(parameters / 1e6) == millions else "no"
    return "–", "–"


def section(comparison: Comparison) -> list[str]:
    """A comparison: the claim, the numbers, the verdict, the figure."""
    seeds = {len(variant.values) for variant in comparison.variants}
    spread = (
        "One seed, so nothing is said about chance."
        if seeds == {1}
        else f"Mean ± standard deviation over {' or '.join(map(str, sorted(seeds)))} seeds; the interval of a "
        "difference is a 95 % t interval, from the seeds' variance, pooled over the variants."
    )
    return [
        f"The claim: {comparison.claim.says}",
        f"Measured: {comparison.measured}; the lower, the better. {spread}",
        grid(COMPARED, comparison_cells(comparison)),
        f"![{comparison.claim.title}]({comparison.name}.png)",
    ]


def comparison_cells(comparison: Comparison) -> list[list[str]]:
    """The reference's line, and one for each variant that is compared with it."""
    lines = [[comparison.reference.name, comparison.reference.spread, "", "", "compared with"]]
    return lines + [_line(comparison, one) for one in comparison.differences]


def _line(comparison: Comparison, one: Difference) -> list[str]:
    difference = f"{one.difference:+.4f}"
    if comparison.claim.measure == "epochs_to_error":
        difference += f" ({comparison.reference.mean / one.variant.mean:.2f} times as fast)"
    return [one.variant.name, one.variant.spread, difference, one.half_width, one.in_words]


def classes(description: Description) -> str:
    """The names of the classes, by superclass where there are such."""
    if not description.superclasses:
        return f"{len(description.classes)} classes: {', '.join(description.classes)}."
    return grid(CLASSES, class_cells(description), right=False)


def class_cells(description: Description) -> list[list[str]]:
    """A line a superclass."""
    return [[group, ", ".join(members)] for group, members in description.superclasses.items()]


def _heading(comparison: Comparison, every: list[Comparison]) -> str:
    """Of a section; with the reference, where one claim was measured several times."""
    times = sum(one.claim == comparison.claim for one in every)
    which = f" ({comparison.reference.model})" if times > 1 else ""
    return f"{comparison.claim.slide}: {comparison.claim.title}{which}"


def _anchor(heading: str) -> str:
    """How GitHub names it."""
    kept = [c for c in heading.lower() if c.isalnum() or c in " -_"]
    return "".join(kept).replace(" ", "-")
