"""`alexvgg verify`: whether the numbers of a committed report are true."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from alexvgg.networks import runtime
from alexvgg.params import file
from alexvgg.pipeline import layout, profiles
from alexvgg.rows import answers
from alexvgg.rows.identity import identify
from alexvgg.rows.summary import Summary
from alexvgg.system.errors import AlexvggError
from alexvgg.verification import claims, inputs, paper, recorded, weights
from alexvgg.verification.findings import Finding, carefully

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
    """A report, to be compared: `every_row` begins each row, not one per model; `weights` evaluates the weights."""

    def __init__(self, profile: str, every_row: bool, weights: bool) -> None:
        self._chosen = profiles.parameters(profile)
        self._params = file.load(self._chosen)
        self._root, self._folder = layout.project_root(), layout.reports(profile)
        in_use = self._chosen == layout.PARAMS and recorded.of_report(layout.LOCK, self._folder)
        self._lock = layout.LOCK if in_use else layout.PROFILES / f"{profile}.lock"
        self._every_row, self._weights = every_row, weights
        self._reported: dict[str, dict[str, Any]] = {}  # rows of the report, by name
        self._networks: dict[str, claims.Counted] = {}  # those that were built anew, by model

    def findings(self) -> Iterator[Finding]:
        """All of them. Raises AlexvggError if there is nothing to verify."""
        document = paper.report(self._folder)
        self._reported = {f"{one['model']}-{one['seed']}": one for one in document["rows"]}
        yield from carefully("files", partial(recorded.report, self._folder, self._lock))
        for name, reported in self._reported.items():
            yield from carefully(name, partial(paper.row, self._folder, reported))
        yield from carefully("table", partial(paper.whole, self._folder, document))
        trainings = [one for one in map(paper.training_of, document["rows"]) if one is not None]
        if not trainings:
            return
        yield from inputs.rows_of(self._params, trainings)
        for summary in trainings:
            row = layout.row(self._params.profile, summary.name)
            yield from carefully(summary.name, partial(recorded.row, self._folder, self._lock, row, summary))
            yield from carefully(summary.name, partial(inputs.settings, summary, self._params))
        stored = list(self._stored(trainings)) if self._weights else []
        try:
            with inputs.made_anew(self._root, self._chosen.resolve(), layout.ARCHIVE):
                yield from self._beside_data(trainings, stored)
        except inputs.NotMade as error:
            yield Finding("unknown", "data", str(error))

    def _beside_data(
        self, trainings: list[Summary], stored: list[tuple[Summary, Path | AlexvggError]]
    ) -> Iterator[Finding]:
        """What is compared where the data are."""
        folder = self._root / self._folder / "answers"
        accepted, same_data = self._params.data.sha256, set()
        for summary in trainings:
            another = inputs.another_archive(summary, accepted, layout.DESCRIPTION)
            yield from carefully(summary.name, partial(self._data, folder, summary, in_order=another is None))
            if another:
                yield another
            else:
                same_data.add(summary.name)
                yield from carefully(summary.name, partial(inputs.splits, summary, layout.inputs(summary.model)))
        for summary in trainings if self._every_row else _one_a_model(trainings):
            if summary.name in same_data:
                yield from self._repeated(summary)
        if set(self._networks) == {reported["model"] for reported in self._reported.values()}:
            yield from carefully("text", self._texts)
        for summary, found in stored:
            if summary.name in same_data:
                yield from carefully(summary.name, partial(self._answered, summary, found, folder))

    def _data(self, folder: Path, summary: Summary, in_order: bool) -> Iterator[Finding]:
        given, test = answers.read(folder / f"{summary.name}.csv"), layout.SPLITS["test"]
        yield inputs.labels(summary.name, given, test, layout.DESCRIPTION, in_order)
        by_superclass = self._reported[summary.name].get("test_superclass_acc")
        yield from inputs.superclasses(summary.name, by_superclass, given, layout.DESCRIPTION)
        yield from inputs.described(summary, layout.DESCRIPTION)

    def _stored(self, trainings: list[Summary]) -> Iterator[tuple[Summary, Path | AlexvggError]]:
        """The weights of each row, fetched if need be, or why there are none."""
        for summary in trainings:
            path = layout.row(self._params.profile, summary.name).weights
            try:
                yield summary, weights.stored(self._root, self._lock, path)
            except AlexvggError as error:
                yield summary, error

    def _repeated(self, summary: Summary) -> Iterator[Finding]:
        """How a training begins, if it is the one that is described here; where it is not is told above."""
        if summary.model not in self._params.models:
            return
        made = layout.inputs(summary.model)
        anew = identify(self._params, summary.model, summary.seed, made)
        if anew.key == summary.key:
            _start(summary)
            from alexvgg.verification import beginning

            yield from carefully(summary.name, partial(beginning.of, summary, anew, made))
            yield from carefully(summary.name, partial(self._counted, summary))

    def _counted(self, summary: Summary) -> Iterator[Finding]:
        """The layers of a network and the cost of its training, with the metrics beside which they were written."""
        from alexvgg.verification import beginning

        file = layout.row(self._params.profile, summary.name).evaluation
        reported, lock = self._reported[summary.name], self._root / self._lock
        counted = self._networks[summary.model] = beginning.counted(summary, layout.DESCRIPTION)
        yield recorded.evaluation(lock, file, reported, *counted)

    def _texts(self) -> Iterator[Finding]:
        """All tables of the report, from its rows and from networks that were built anew."""
        from alexvgg.networks import catalogue

        architectures = [self._params.models[model].architecture for model in self._networks]
        drawn = {name: asdict(one) for name, one in catalogue.count(architectures).items()}
        document, folder = paper.report(self._root / self._folder), self._root / self._folder
        yield from claims.of(folder, document, self._networks, drawn, layout.DESCRIPTION)

    def _answered(self, summary: Summary, found: Path | AlexvggError, folder: Path) -> Iterator[Finding]:
        """What the weights of a row answer."""
        if isinstance(found, AlexvggError):
            yield Finding("unknown", summary.name, str(found))
            return
        _start(summary)
        data = weights.Data(layout.SPLITS["test"], layout.SPLITS["train"], layout.DESCRIPTION)
        given, batch_size = answers.read(folder / f"{summary.name}.csv"), self._params.evaluation.batch_size
        yield from weights.of(summary, self._reported[summary.name], given, found, data, batch_size)


def _start(summary: Summary) -> None:
    """Set TensorFlow up for a network; each compiles functions of its own, of which TensorFlow would warn."""
    runtime.start(summary.recipe.precision, summary.seed).get_logger().setLevel("ERROR")


def _one_a_model(trainings: list[Summary]) -> list[Summary]:
    return list({one.model: one for one in reversed(trainings)}.values())[::-1]
