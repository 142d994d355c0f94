"""DVC stage `report`: the results table, the curves, the networks, what the slides claim, a page and a deck of it."""

import _project  # noqa: F401, I001 - before everything else

from pathlib import Path

import pandas as pd

from alexvgg import console, files, layout, params_file
from alexvgg.data import arrays
from alexvgg.reporting import (
    ablations,
    answers,
    architecture,
    deck,
    effort,
    figures,
    page,
    results,
    table,
    talk,
    variants,
)
from alexvgg.reporting.contents import Contents, Pictures


def main() -> None:
    settings = params_file.load(layout.PARAMS)
    guard = layout.guard("report")
    profile, folder = settings.profile, layout.reports(settings.profile)
    names = settings.runs(settings.models)
    runs = [
        results.Run(files.read_json(layout.summary(profile, run)), files.read_json(layout.metrics(profile, run)))
        for run in names
    ]
    histories = {run: pd.read_csv(layout.history(profile, run)) for run in names}
    contents = Contents(
        profile,
        runs,
        ablations.comparisons(runs, histories),
        effort.efforts(runs, histories),
        files.read_json(layout.published(profile)),
        arrays.load_description(layout.DESCRIPTION),
        Pictures(
            curves=folder / "curves.png",
            crops=folder / "crops.png",
            montage=folder / "montage.png",
            architectures=folder / "architectures",
            comparisons=folder / "talk",
        ),
    )
    guard.check()
    write_table(folder, contents)
    write_networks(contents)
    figures.curves(contents.pictures.curves, histories, f"profile {profile}, {contents.description.source}")
    write_talk(contents, histories)
    write_page(folder / "index.html", contents, names)
    deck.write(folder / "slides.pptx", contents)


def write_table(folder: Path, contents: Contents) -> None:
    summary = results.summarize(contents.runs)
    parts = [table.markdown(contents.profile, summary, contents.runs), variants.markdown(contents.runs)]
    files.write_text(folder / "results.md", "".join([*parts, effort.markdown(contents.efforts)]))
    files.write_text(folder / "results.csv", results.flat(summary).to_csv(index=False, lineterminator="\n"))
    files.write_json(folder / "results.json", results.records(summary))


def write_networks(contents: Contents) -> None:
    folder = contents.pictures.architectures
    for name, run in contents.first_of_model.items():
        files.write_text(folder / f"{name}.md", architecture.markdown(run.summary))
        architecture.draw(folder / f"{name}.png", run.summary)
    files.keep_only(folder, {f"{name}{suffix}" for name in contents.first_of_model for suffix in (".md", ".png")})


def write_talk(contents: Contents, histories: dict[str, pd.DataFrame]) -> None:
    folder = contents.pictures.comparisons
    for comparison in contents.comparisons:
        figures.comparison(folder / f"{comparison.name}.png", comparison, histories)
    files.write_text(folder / "README.md", talk.markdown(contents))
    files.keep_only(folder, {"README.md", *(f"{comparison.name}.png" for comparison in contents.comparisons)})


def write_page(path: Path, contents: Contents, names: list[str]) -> None:
    test = arrays.load(layout.SPLITS["test"], contents.description)
    classes = contents.description.classes
    answered = [answers.load(layout.answers(contents.profile, run), test, classes) for run in names]
    files.write_text(path, page.html(contents, answered, test))


if __name__ == "__main__":
    console.stage(main, __doc__)
