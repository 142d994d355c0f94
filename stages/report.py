"""DVC stage `report`: the results table, the curves, the networks and a page of all runs of the roster."""

import _project  # noqa: F401, I001 - before everything else

from pathlib import Path

import numpy as np
import pandas as pd

from alexvgg import console, files, layout, params_file
from alexvgg.data import arrays
from alexvgg.reporting import architecture, figures, page, results, table


def main() -> None:
    settings = params_file.load(layout.PARAMS)
    guard = layout.guard("report")
    profile, folder = settings.profile, layout.reports(settings.profile)
    names = [f"{model}-{seed}" for model in settings.models for seed in settings.seeds]
    runs = [
        results.Run(files.read_json(layout.summary(profile, run)), files.read_json(layout.metrics(profile, run)))
        for run in names
    ]
    histories = {run: pd.read_csv(layout.history(profile, run)) for run in names}
    guard.check()
    write_table(profile, folder, runs)
    write_networks(folder / "architectures", runs)
    figures.curves(folder / "curves.png", histories, f"profile {profile}, {runs[0].summary['source']}")
    write_page(profile, folder, runs)


def write_table(profile: str, folder: Path, runs: list[results.Run]) -> None:
    summary = results.summarize(runs)
    files.write_text(folder / "results.md", table.markdown(profile, summary, runs))
    files.write_text(folder / "results.csv", results.flat(summary).to_csv(index=False, lineterminator="\n"))
    files.write_json(folder / "results.json", results.records(summary))


def write_networks(folder: Path, runs: list[results.Run]) -> None:
    files.empty_folder(folder)
    for name, run in {run.summary["model"]: run for run in runs}.items():
        files.write_text(folder / f"{name}.md", architecture.markdown(run.summary))
        architecture.draw(folder / f"{name}.png", run.summary)


def write_page(profile: str, folder: Path, runs: list[results.Run]) -> None:
    description = arrays.load_description(layout.DESCRIPTION)
    names = [f"{run.summary['model']}-{run.summary['seed']}" for run in runs]
    answered = [
        page.Answers(np.load(layout.predictions(profile, run)), files.read_json(layout.by_class(profile, run)))
        for run in names
    ]
    test = arrays.load(layout.SPLITS["test"], description)
    pictures = page.Pictures(folder / "curves.png", folder / "crops.png")
    files.write_text(folder / "index.html", page.html(profile, runs, answered, test, description, pictures))


if __name__ == "__main__":
    console.stage(main, __doc__)
