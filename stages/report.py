"""DVC stage `report`: the results table, the curves, the networks, what the slides claim, a page and a deck of it."""

import _project  # noqa: F401, I001 - before everything else

import shutil
from pathlib import Path

from alexvgg.checkpoints import store
from alexvgg.data import arrays
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.reporting import (
    comparisons,
    deck,
    drawing,
    effort,
    figures,
    mistakes,
    page,
    results,
    table,
    talk,
    variants,
)
from alexvgg.reporting.contents import Contents, Pictures
from alexvgg.rows.row import Row
from alexvgg.system import console, files


def main() -> None:
    params = file.load(layout.PARAMS)
    guard = layout.guard("report")
    store.remove_recorded(layout.all_checkpoints(), layout.locks())
    rows = [Row.read(layout.row(params.profile, name)) for name in params.rows()]
    description = arrays.load_description(layout.DESCRIPTION)
    test = arrays.load(layout.SPLITS["test"], description)
    for row in rows:
        mistakes.check(row, test, description.classes)
    folder = layout.reports(params.profile)
    contents = Contents(
        params.profile,
        rows,
        comparisons.comparisons(rows),
        effort.efforts(rows),
        files.read_json(layout.NETWORKS)["slides"],
        description,
        Pictures(
            curves=folder / "curves.png",
            crops=layout.PICTURES / "crops.png",
            montage=layout.PICTURES / "montage.png",
            networks=folder / "networks",
            comparisons=folder / "talk",
        ),
    )
    guard.check()
    write_numbers(folder, contents)
    write_networks(contents)
    figures.curves(contents.pictures.curves, rows, f"profile {params.profile}, {description.source}")
    write_talk(contents)
    files.write_text(folder / "index.html", page.html(contents, test))
    deck.write(folder / "slides.pptx", contents, test)


def write_numbers(folder: Path, contents: Contents) -> None:
    rows, profile = contents.rows, contents.profile
    summary = results.summarize(rows)
    parts = [table.markdown(profile, summary, rows), variants.markdown(rows), effort.markdown(contents.efforts)]
    files.write_text(folder / "results.md", "".join(parts))
    files.write_json(folder / "results.json", results.document(profile, rows))
    tables = {"results": results.flat(summary), "curves": results.curves(rows), "by_class": results.by_class(rows)}
    for name, content in tables.items():
        files.write_text(folder / f"{name}.csv", content.to_csv(index=False, lineterminator="\n"))
    headline = results.headline(summary)
    for model, numbers in headline.items():
        files.write_json(folder / "metrics" / f"{model}.json", numbers)
    files.keep_only(folder / "metrics", {f"{model}.json" for model in headline})
    for row in rows:
        copy = folder / "answers" / f"{row.name}.csv"
        with files.replacing(copy) as temporary:
            shutil.copyfile(layout.row(profile, row.name).answers, temporary)
    files.keep_only(folder / "answers", {f"{row.name}.csv" for row in rows})


def write_networks(contents: Contents) -> None:
    folder = contents.pictures.networks
    for model, row in contents.first_of_model.items():
        files.write_text(folder / f"{model}.md", drawing.markdown(row))
        drawing.draw(folder / f"{model}.png", row)
    files.keep_only(folder, {f"{model}{suffix}" for model in contents.first_of_model for suffix in (".md", ".png")})


def write_talk(contents: Contents) -> None:
    folder = contents.pictures.comparisons
    for comparison in contents.comparisons:
        figures.comparison(folder / f"{comparison.name}.png", comparison, contents.rows)
    files.write_text(folder / "README.md", talk.markdown(contents))
    files.keep_only(folder, {"README.md", *(f"{comparison.name}.png" for comparison in contents.comparisons)})


if __name__ == "__main__":
    console.stage(main, __doc__)
