"""`alexvgg verify`: whether the numbers of a committed report are true."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from alexvgg.networks import runtime
from alexvgg.params import file
from alexvgg.pipeline import layout, profiles
from alexvgg.rows import answers
from alexvgg.rows.identity import identify
from alexvgg.rows.summary import Summary
from alexvgg.system.errors import AlexvggError
from alexvgg.verification import inputs, paper, weights
from alexvgg.verification.findings import Finding

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {"same": "same", "differs": "DIFFERS", "unknown": "unknown"}


def verify(profile: str | None, every_row: bool, weights: bool) -> None:
    """Compute anew what a report says, and repeat the beginning of its trainings. Raises AlexvggError if it differs."""
    name = profile or file.load(layout.PARAMS).profile
    counts = dict.fromkeys(SHOWN, 0)
    for finding in Verification(name, every_row, weights).findings():
        counts[finding.level] += 1
        print(f"{SHOWN[finding.level]:8} {finding.subject}: {finding.text}", flush=True)
    print(
        f"{name}: {counts['same']} the same, {counts['differs']} differ, {counts['unknown']} that cannot be told here"
    )
    if counts["differs"]:
        raise AlexvggError(
            f"{counts['differs']} of {sum(counts.values())} findings differ from what reports/{name} says"
        )


class Verification:
    """A report and what it is compared with: `every_row` begins each row, not one per model; `weights` evaluates them."""

    def __init__(self, profile: str, every_row: bool, weights: bool) -> None:
        self._chosen = profiles.parameters(profile)
        self._params = file.load(self._chosen)
        self._lock = layout.LOCK if self._chosen == layout.PARAMS else self._chosen.with_suffix(".lock")
        self._every_row, self._weights = every_row, weights

    def findings(self) -> Iterator[Finding]:
        """All of them. Raises AlexvggError if there is nothing to verify."""
        folder = layout.reports(self._params.profile)
        document = paper.report(folder)
        yield from paper.files_of(folder, self._lock)
        for reported in document["rows"]:
            yield from paper.row(folder, reported)
        yield from paper.whole(folder, document)
        trainings = [one for one in map(paper.training_of, document["rows"]) if one is not None]
        if not trainings:
            return
        yield from inputs.rows_of(self._params, trainings)
        given = {one.name: answers.read(folder / "answers" / f"{one.name}.csv") for one in trainings}
        stored = list(self._stored(trainings)) if self._weights else []
        with inputs.made_anew(layout.project_root(), self._chosen.resolve(), layout.ARCHIVE):
            for name, of_row in given.items():
                yield inputs.labels(name, of_row, layout.SPLITS["test"], layout.DESCRIPTION)
            yield from self._repeated(trainings if self._every_row else _one_a_model(trainings))
            for summary, found in stored:
                yield self._answered(summary, found, given[summary.name])

    def _stored(self, trainings: list[Summary]) -> Iterator[tuple[Summary, Path | AlexvggError]]:
        """The weights of each row, fetched if need be, or why there are none."""
        for summary in trainings:
            path = layout.row(self._params.profile, summary.name).weights
            try:
                yield summary, weights.stored(layout.project_root(), self._lock, path)
            except AlexvggError as error:
                yield summary, error

    def _repeated(self, trainings: list[Summary]) -> Iterator[Finding]:
        """What each training reads and how it begins; one whose model is no longer in the parameters is told above."""
        for summary in (one for one in trainings if one.model in self._params.models):
            anew = identify(self._params, summary.model, summary.seed, layout.inputs(summary.model))
            found = list(inputs.training(summary, anew))
            yield from found
            if all(finding.level == "same" for finding in found):
                runtime.start(summary.recipe.precision, summary.seed)
                from alexvgg.verification import beginning

                yield from beginning.of(summary, anew, layout.inputs(summary.model))

    def _answered(self, summary: Summary, found: Path | AlexvggError, reported: "pd.DataFrame") -> Finding:
        """What the weights of a row answer."""
        if isinstance(found, AlexvggError):
            return Finding("unknown", summary.name, str(found))
        runtime.start(summary.recipe.precision, summary.seed)
        test, description, batch_size = layout.SPLITS["test"], layout.DESCRIPTION, self._params.evaluation.batch_size
        return weights.of(summary, found, reported, test, description, batch_size)


def _one_a_model(trainings: list[Summary]) -> list[Summary]:
    return list({one.model: one for one in reversed(trainings)}.values())[::-1]
