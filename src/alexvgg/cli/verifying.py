"""`alexvgg verify`: whether the numbers of a committed report are true."""

from collections.abc import Iterator
from pathlib import Path

from alexvgg.params import file
from alexvgg.params.schema import Params
from alexvgg.pipeline import layout
from alexvgg.rows import answers
from alexvgg.rows.identity import identify
from alexvgg.rows.summary import Summary
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import AlexvggError, ParamsError
from alexvgg.verification import inputs, paper
from alexvgg.verification.findings import Finding

SHOWN = {"same": "same", "differs": "DIFFERS", "unknown": "unknown"}


def verify(profile: str | None, every_row: bool) -> None:
    """Compute anew what a report says, and repeat the beginning of its trainings. Raises AlexvggError if it differs."""
    name = profile or file.load(layout.PARAMS).profile
    chosen = _parameters(name)
    counts = dict.fromkeys(SHOWN, 0)
    for finding in _findings(file.load(chosen), chosen, every_row):
        counts[finding.level] += 1
        print(f"{SHOWN[finding.level]:8} {finding.subject}: {finding.text}", flush=True)
    print(
        f"{name}: {counts['same']} the same, {counts['differs']} differ, {counts['unknown']} that cannot be told here"
    )
    if counts["differs"]:
        raise AlexvggError(
            f"{counts['differs']} of {sum(counts.values())} findings differ from what reports/{name} says"
        )


def _parameters(profile: str) -> Path:
    """The parameter file of a profile, in use or not. Raises ParamsError."""
    if layout.PARAMS.exists() and file.load(layout.PARAMS).profile == profile:
        return layout.PARAMS
    known = {path.stem: path for path in sorted(layout.PROFILES.glob("*.yaml"))}
    try:
        refuse_unknown(profile, known, "profile")
    except ValueError as error:
        raise ParamsError(str(error)) from None
    return known[profile]


def _findings(params: Params, chosen: Path, every_row: bool) -> Iterator[Finding]:
    folder = layout.reports(params.profile)
    document = paper.report(folder)
    yield from paper.files_of(folder, layout.LOCK if chosen == layout.PARAMS else chosen.with_suffix(".lock"))
    for reported in document["rows"]:
        yield from paper.row(folder, reported)
    yield from paper.whole(folder, document)
    trainings = [one for one in map(paper.training_of, document["rows"]) if one is not None]
    if not trainings:
        return
    yield from inputs.rows_of(params, trainings)
    given = {one.name: answers.read(folder / "answers" / f"{one.name}.csv") for one in trainings}
    with inputs.made_anew(layout.project_root(), chosen.resolve(), layout.ARCHIVE):
        for name, of_row in given.items():
            yield inputs.labels(name, of_row, layout.SPLITS["test"], layout.DESCRIPTION)
        yield from _repeated(params, trainings if every_row else _one_a_model(trainings))


def _repeated(params: Params, trainings: list[Summary]) -> Iterator[Finding]:
    """What each training reads and how it begins; one whose model is no longer in the parameters is told above."""
    from alexvgg.networks import runtime

    for index, summary in enumerate(one for one in trainings if one.model in params.models):
        anew = identify(params, summary.model, summary.seed, layout.inputs(summary.model))
        found = list(inputs.training(summary, anew))
        yield from found
        if all(finding.level == "same" for finding in found):
            runtime.start(summary.recipe.precision, summary.seed) if index == 0 else _again(summary)
            from alexvgg.verification import beginning

            yield from beginning.of(summary, anew, layout.inputs(summary.model))


def _again(summary: Summary) -> None:
    """Set Keras up for another training in the same process."""
    import keras

    keras.config.set_dtype_policy(summary.recipe.precision)
    keras.utils.set_random_seed(summary.seed)


def _one_a_model(trainings: list[Summary]) -> list[Summary]:
    return list({one.model: one for one in reversed(trainings)}.values())[::-1]
