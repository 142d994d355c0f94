"""The report as one self-contained page: results, curves, what each network confuses, provenance."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import image

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.reporting import answers, slide, table
from alexvgg.reporting.results import Run, summarize

PAIRS, MISTAKES = 10, 12


@dataclass(frozen=True)
class Pictures:
    """PNG files that the page shows."""

    curves: Path
    crops: Path


@dataclass(frozen=True)
class Answers:
    """What one run answered: logits, float32 (test images, classes), and its accuracy by class."""

    logits: np.ndarray
    by_class: dict[str, float]


def html(
    profile: str,
    runs: list[Run],
    answered: list[Answers],
    test: Split,
    description: Description,
    pictures: Pictures,
) -> str:
    """The page. Of a model with several seeds, the details are those of its first; `answered` goes with `runs`."""
    results = summarize(runs)
    headings, rows = table.main_cells(results, description.source == slide.DATA)
    first = {run.summary["model"]: (run, given) for run, given in reversed(list(zip(runs, answered, strict=True)))}
    template = _environment().get_template("page.html.j2")
    return template.render(
        title=f"AlexNet + VGG: results of profile {profile}",
        data=_data(description),
        headings=headings,
        rows=rows,
        several_seeds=any(len(seeds) > 1 for seeds in results["seeds"]),
        footnote=table.footnote(results, runs),
        curves=_encoded(pictures.curves.read_bytes()),
        curves_in_words=_curves_in_words(results),
        grouped=bool(description.superclasses),
        groups=list(answers.groups(description)),
        models=[_model(*first[name], test, description) for name in results["model"]],
        crops=_encoded(pictures.crops.read_bytes()),
        provenance=_provenance(runs[0], description),
    )


def _model(run: Run, given: Answers, test: Split, description: Description) -> dict[str, Any]:
    """What the page says of one model."""
    summary = run.summary
    found = answers.mistakes(given.logits, test, description.classes, MISTAKES)
    return {
        "name": summary["model"],
        "seed": summary["seed"],
        "metrics": run.metrics,
        "settings": table.how_trained(summary),
        "weights": summary["weights_sha256"],
        "key": summary["key"],
        "confusion": answers.confusion(given.logits, test, description).tolist(),
        "pairs": answers.confused_pairs(given.logits, test, description.classes, PAIRS),
        "mistakes": [vars(mistake) | {"image": _encoded(_png(test.images[mistake.index]))} for mistake in found],
        "by_class": sorted(given.by_class.items(), key=lambda item: (-item[1], item[0])),
    }


def _data(description: Description) -> str:
    images = description.images
    return (
        f"{table.DATA_TITLES[description.source]}: {images['train']:,} images to train, {images['val']:,} to validate, "
        f"{images['test']:,} to test, {len(description.classes)} classes"
    )


def _curves_in_words(results: pd.DataFrame) -> str:
    ends = [f"{row['model']} {row['acc']:.3f} and {row['val_acc']:.3f}" for _, row in results.iterrows()]
    return f"Training and validation accuracy at the end: {'; '.join(ends)}."


def _provenance(run: Run, description: Description) -> Iterable[tuple[str, str]]:
    summary = run.summary
    return [
        ("alexvgg", summary["version"]),
        ("Archive sha256", description.archive_sha256),
        ("Sha256 of the arrays", ", ".join(f"{name} {digest}" for name, digest in description.sha256.items())),
        ("Hardware", summary["hardware"]),
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
