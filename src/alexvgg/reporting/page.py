"""The report as one self-contained page: results, curves, what each network confuses, provenance."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import image

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.reporting import effort, mistakes, table, talk, variants
from alexvgg.reporting.comparisons import Comparison
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.results import summarize
from alexvgg.rows.row import Row

PAIRS, MISTAKES = 10, 12


def html(contents: Contents, test: Split) -> str:
    """The page. Of a model with several seeds, the details are those of its first."""
    rows, description, pictures = contents.rows, contents.description, contents.pictures
    results = summarize(rows)
    headings, lines = table.main_cells(results)
    template = _environment().get_template("page.html.j2")
    return template.render(
        title=f"AlexNet + VGG: results of profile {contents.profile}",
        data=_data(description),
        headings=headings,
        rows=lines,
        several_seeds=any(len(seeds) > 1 for seeds in results["seeds"]),
        footnote=table.footnote(results, rows),
        curves=_encoded(pictures.curves.read_bytes()),
        curves_in_words=_curves_in_words(results),
        effort=_table(effort.cells(contents.efforts)),
        effort_note=effort.note(contents.efforts),
        variants=_table(variants.cells(rows)),
        variants_title=variants.title(rows),
        variants_note=variants.note(rows),
        published={"headings": talk.DRAWN, "rows": talk.drawn_cells(contents.drawn)},
        comparisons=[_comparison(comparison, pictures.comparisons) for comparison in contents.comparisons],
        grouped=bool(description.superclasses),
        groups=description.groups,
        models=[_model(row, test, description) for row in contents.first_of_model.values()],
        crops=_encoded(pictures.crops.read_bytes()),
        montage=_encoded(pictures.montage.read_bytes()),
        provenance=_provenance(rows[0], description),
    )


def _table(cells: tuple[list[str], list[list[str]]]) -> dict[str, Any]:
    return {"headings": cells[0], "rows": cells[1]}


def _comparison(comparison: Comparison, folder: Path) -> dict[str, Any]:
    """What the page says of one claim."""
    return {
        "name": comparison.name,
        "title": f"{comparison.claim.slide}: {comparison.claim.title}",
        "says": comparison.claim.says,
        "measured": comparison.measured,
        "headings": talk.COMPARED,
        "rows": talk.comparison_cells(comparison),
        "in_words": "; ".join(f"{one.variant.name}: {one.in_words}" for one in comparison.differences),
        "picture": _encoded((folder / f"{comparison.name}.png").read_bytes()),
    }


def _model(row: Row, test: Split, description: Description) -> dict[str, Any]:
    """What the page says of one model."""
    summary, given = row.summary, row.answers
    found = mistakes.mistakes(given, MISTAKES)
    return {
        "name": summary.model,
        "seed": summary.seed,
        "metrics": row.evaluation,
        "settings": table.how_trained(summary),
        "weights": summary.weights_sha256,
        "key": summary.key,
        "confusion": mistakes.confusion(given, description).tolist(),
        "pairs": mistakes.confused_pairs(given, description.classes, PAIRS),
        "mistakes": [vars(mistake) | {"image": _encoded(_png(test.images[mistake.index]))} for mistake in found],
        "by_class": mistakes.by_class(given),
    }


def _data(description: Description) -> str:
    images = description.images
    return (
        f"{description.title}: {images['train']:,} images to train, {images['val']:,} to validate, "
        f"{images['test']:,} to test, {len(description.classes)} classes"
    )


def _curves_in_words(results: pd.DataFrame) -> str:
    ends = [f"{row['model']} {row['acc']:.3f} and {row['val_acc']:.3f}" for _, row in results.iterrows()]
    return f"Training and validation accuracy at the end: {'; '.join(ends)}."


def _provenance(row: Row, description: Description) -> Iterable[tuple[str, str]]:
    summary = row.summary
    return [
        ("alexvgg", summary.version),
        ("Archive sha256", description.archive_sha256),
        ("Sha256 of the arrays", ", ".join(f"{name} {digest}" for name, digest in description.sha256.items())),
        ("Hardware", summary.hardware),
    ]


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    image.imsave(file, pixels, format="png", metadata={"Software": None})  # type: ignore[dict-item]
    return file.getvalue()


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )  # fmt: skip
