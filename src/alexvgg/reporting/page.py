"""The report as one self-contained page: results, curves, what each network confuses, provenance."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.reporting import charts, effort, embedding, sections, slide, table, talk, variants, vega, volumes
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.results import summarize

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "page.html.j2", "page.css", "page.js"


def html(contents: Contents, test: Split) -> str:
    """The page. Of a model with several seeds, the details are those of its first."""
    return _environment().get_template(TEMPLATE).render(
        title=f"AlexNet + VGG: results of profile {contents.profile}",
        style=_beside(STYLE),
        script=_beside(SCRIPT),
        library=Markup(vega.library()),
        **_results(contents),
        **_details(contents, test),
        **_background(contents),
    )  # fmt: skip


def _results(contents: Contents) -> dict[str, Any]:
    """The table and the charts."""
    rows, firsts = contents.rows, contents.first_of_model
    results = summarize(rows)
    return {
        "models": list(firsts),
        "scoreboard": sections.scoreboard(results),
        "several_seeds": any(len(seeds) > 1 for seeds in results["seeds"]),
        "compared": results["source"].iloc[0] == slide.DATA,
        "printed": bool(slide.RESULTS),
        "footnote": table.footnote(results, rows),
        "curves": {name: _chart(one) for name, one in charts.curves(rows).items()},
        "epochs": sections.epochs(rows),
        "reliability": _chart(charts.reliability(firsts)),
    }


def _details(contents: Contents, test: Split) -> dict[str, Any]:
    """What each network answers, and what it is."""
    description, firsts = contents.description, contents.first_of_model
    return {
        "classes": sections.classes(firsts),
        "extremes": sections.EXTREMES,
        "details": [sections.model(row, test, description) for row in firsts.values()],
        "kinds": volumes.kinds([stage for row in firsts.values() for stage in volumes.stages(row.evaluation.layers)]),
        "networks": [sections.network(row) for row in firsts.values()],
        "published": _table((talk.DRAWN, talk.drawn_cells(contents.drawn))),
    }


def _background(contents: Contents) -> dict[str, Any]:
    """What was compared, what it cost, on what data."""
    rows, description, pictures = contents.rows, contents.description, contents.pictures
    return {
        "comparisons": [
            sections.comparison(one)
            | {"errors": _chart(charts.errors(one, rows)), "bars": _chart(charts.measured(one))}
            for one in contents.comparisons
        ],
        "variants": [
            _table(variants.cells(one)) | {"title": variants.title(one), "note": variants.note(one)}
            for one in variants.groups(rows)
        ],
        "effort": _table(effort.cells(contents.efforts)),
        "effort_note": effort.note(contents.efforts),
        "data": _data(description),
        "grouped": bool(description.superclasses),
        "groups": description.groups,
        "montage": embedding.picture(pictures.montage),
        "crops": embedding.picture(pictures.crops),
        "provenance": sections.provenance(rows, description),
    }


def _chart(specification: dict[str, Any]) -> dict[str, Any]:
    return {
        "svg": Markup(vega.svg(specification)),
        "specification": Markup(vega.script(specification)),
        "says": specification["description"],
    }


def _table(cells: tuple[list[str], list[list[str]]]) -> dict[str, Any]:
    return {"headings": cells[0], "rows": cells[1]}


def _data(description: Description) -> str:
    images = description.images
    return (
        f"{description.title}: {images['train']:,} images to train, {images['val']:,} to validate, "
        f"{images['test']:,} to test, {len(description.classes)} classes"
    )


def _beside(name: str) -> Markup:
    """A file beside this one, as it is."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))


def _environment() -> Environment:
    files = FileSystemLoader(FOLDER)
    return Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
