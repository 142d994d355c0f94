"""What a report says beside its main table, written anew: comparisons, arithmetic, layers, and the talk's claims."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from alexvgg.data import arrays
from alexvgg.networks.counting import Layer
from alexvgg.reporting import comparisons, drawing, effort, results, table, talk, variants
from alexvgg.reporting.contents import Contents, Pictures
from alexvgg.rows.row import Row
from alexvgg.verification import paper, recorded


def of(
    folder: Path,
    document: dict[str, Any],
    networks: dict[str, recorded.Counted],
    drawn: dict[str, Any],
    description: Path,
) -> Iterator[tuple[str, bool]]:
    """The texts of a report, and whether each is what the rows say, word for word.

    `document` is `results.json`; `networks` are those of its models, counted anew, and `drawn` those of the slides;
    `description` is that of the data.
    """
    rows = [_row(folder, reported, *networks[reported["model"]]) for reported in document["rows"]]
    efforts = effort.efforts(rows)
    known, nowhere = arrays.load_description(description), Path()
    pictures = Pictures(nowhere, nowhere, nowhere, nowhere, nowhere)
    contents = Contents(document["profile"], rows, comparisons.comparisons(rows), efforts, drawn, known, pictures)
    parts = [
        table.markdown(document["profile"], results.summarize(rows), rows),
        variants.markdown(rows),
        effort.markdown(efforts),
    ]
    written = {"results.md": "".join(parts), "talk/README.md": talk.markdown(contents)}
    written |= {f"networks/{model}.md": drawing.markdown(row) for model, row in contents.first_of_model.items()}
    for name, text in written.items():
        yield name, paper.text(folder / name) == text


def _row(folder: Path, reported: dict[str, Any], layers: list[Layer], training_flop: dict[str, int | None]) -> Row:
    """A row of the report, whole."""
    row = paper.with_history(folder, paper.row_of(folder, reported))
    evaluation = row.evaluation.model_copy(update={"layers": layers, "training_flop": training_flop})
    return replace(row, evaluation=evaluation)
