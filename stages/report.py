"""DVC stage `report`: the results table, the curves and the networks of all runs of the roster."""

import _project  # noqa: F401, I001 - before everything else

import pandas as pd

from alexvgg import console, files, layout, params_file
from alexvgg.reporting import architecture, figures, results, table


def main() -> None:
    settings = params_file.load(layout.PARAMS)
    guard = layout.guard("report")
    profile, folder = settings.profile, layout.reports(settings.profile)
    names = [f"{model}-{seed}" for model in settings.models for seed in settings.seeds]
    runs = [
        results.Run(files.read_json(layout.summary(profile, run)), files.read_json(layout.metrics(profile, run)))
        for run in names
    ]
    summary = results.summarize(runs)
    text = table.markdown(profile, summary, runs)
    guard.check()
    files.write_text(folder / "results.md", text)
    files.write_text(folder / "results.csv", results.flat(summary).to_csv(index=False, lineterminator="\n"))
    files.write_json(folder / "results.json", results.records(summary))
    histories = {run: pd.read_csv(layout.history(profile, run)) for run in names}
    drawings = folder / "architectures"
    files.empty_folder(drawings)
    for run in {run.summary["model"]: run for run in runs}.values():
        files.write_text(drawings / f"{run.summary['model']}.md", architecture.markdown(run.summary))
        architecture.draw(drawings / f"{run.summary['model']}.png", run.summary)
    figures.curves(folder / "curves.png", histories, f"profile {profile}, {runs[0].summary['source']}")


if __name__ == "__main__":
    console.stage(main, __doc__)
