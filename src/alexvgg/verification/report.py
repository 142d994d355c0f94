"""A committed report, compared with all that it follows from."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from alexvgg.networks import runtime
from alexvgg.params import file
from alexvgg.pipeline import layout, locks, profiles, provenance
from alexvgg.rows import answers
from alexvgg.rows.identity import identify, name_of
from alexvgg.rows.summary import Summary
from alexvgg.system.errors import AlexvggError
from alexvgg.verification import claims, inputs, paper, recorded, weights
from alexvgg.verification.findings import HERE, Finding, carefully, compared


class Verification:
    """A report, to be compared: `every_row` begins each row, not one per model; `weights` evaluates the weights."""

    def __init__(self, profile: str, every_row: bool, weights: bool) -> None:
        """Raises AlexvggError if there is nothing to verify."""
        self._chosen = profiles.parameters(profile)
        self._params = file.load(self._chosen)
        self._root, self._folder = layout.project_root(), layout.reports(profile)
        self._lock = locks.of_report(profile)
        self._every_row, self._weights = every_row, weights
        self._document = paper.report(self._folder)
        self._reported = {name_of(one): one for one in self._document["rows"]}
        known = [one for one in map(paper.training_of, self._reported.values()) if one is not None]
        self._trainings = {one.name: one for one in known}  # those of this version of the project
        self._rows: recorded.Rows | None = None
        self._other_code: set[str] = set()  # stages that DVC ran with other sources
        self._networks: dict[str, recorded.Counted] = {}  # those that were built anew, by model
        self._other_networks: set[str] = set()  # models that were trained with other sources of their network

    def findings(self) -> Iterator[Finding]:
        """All of them."""
        yield from carefully("files", partial(recorded.report, self._folder, self._lock))
        yield compared("table", "profile", self._document["profile"], self._params.profile, HERE)
        yield from carefully("profile", self._profile)
        names = [name_of(one) for one in self._document["rows"]]
        yield from carefully("table", partial(inputs.rows_of, self._params, names))
        for name, reported in self._reported.items():
            yield from carefully(name, partial(paper.row, self._folder, reported))
        yield from carefully("table", partial(paper.whole, self._folder, self._document))
        trainings = list(self._trainings.values())
        yield from carefully("table", partial(inputs.not_as_written, self._document["rows"]))
        if not trainings:
            return
        yield from carefully("rows", partial(self._without_data, trainings))
        stored = list(self._stored(trainings)) if self._weights else []
        try:
            with inputs.made_anew(self._root, self._chosen.resolve(), layout.ARCHIVE):
                yield from self._beside_data(trainings, stored)
        except inputs.NotMade as error:
            yield Finding("unknown", "data", str(error))

    def _profile(self) -> Iterator[Finding]:
        """Whether the profile and its lock are what is in use, with which the report is compared."""
        kept = layout.PROFILES / f"{self._params.profile}.yaml"
        if self._chosen != layout.PARAMS or not kept.exists():
            return
        where = str(kept), str(layout.PARAMS)
        in_use = compared("profile", f"{kept} and {layout.PARAMS}", file.load(kept), self._params, where)
        yield in_use
        lock = profiles.lock_of(self._params.profile)
        if in_use.level == "same" and lock.exists() and locks.stages(lock) != locks.stages(layout.LOCK):
            yield Finding(
                "unknown", "profile", f"{lock} is of other results than {layout.LOCK}; `make repro` keeps one"
            )

    def _without_data(self, trainings: list[Summary]) -> Iterator[Finding]:
        """What DVC recorded of the rows; parameters and sources of every row."""
        files_of = {name: layout.row(self._params.profile, name) for name in self._reported}
        self._rows = recorded.Rows(self._folder, self._lock, layout.rows(self._params.profile), files_of)
        self._other_code = provenance.changed_code(self._params, locks.stages(self._lock))
        if not self._rows.of_report:
            text = f"{self._lock} has others than those from which the report was made, or none"
            yield Finding("unknown", "rows", text)
        for summary in trainings:
            if self._rows.of_report:
                yield from carefully(summary.name, partial(self._rows.training, summary))
            yield from carefully(summary.name, partial(inputs.settings, summary, self._params))

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
            yield from carefully(summary.name, partial(self._built, summary, summary.name in same_data))
        yield from carefully("text", self._texts)
        for summary, found in stored:
            if summary.name in same_data:
                yield from carefully(summary.name, partial(self._answered, summary, found, folder))

    def _data(self, folder: Path, summary: Summary, in_order: bool) -> Iterator[Finding]:
        given, test = answers.read(folder / f"{summary.name}.csv"), layout.SPLITS["test"]
        yield inputs.labels(summary.name, given, test, layout.DESCRIPTION, in_order)
        by_superclass = self._reported[summary.name].get("test_superclass_acc")
        yield from inputs.superclasses(summary.name, by_superclass, given, layout.DESCRIPTION)
        yield from inputs.described(summary, layout.DESCRIPTION, in_order)

    def _stored(self, trainings: list[Summary]) -> Iterator[tuple[Summary, Path | AlexvggError]]:
        """The weights of each row, fetched if need be, or why there are none."""
        for summary in trainings:
            path = layout.row(self._params.profile, summary.name).weights
            try:
                yield summary, weights.stored(self._root, self._lock, path)
            except AlexvggError as error:
                yield summary, error

    def _built(self, summary: Summary, same_data: bool) -> Iterator[Finding]:
        """A network, and how its training begins, if both are those that are described here."""
        if summary.model not in self._params.models:
            return  # which is told of the rows
        made = layout.inputs(summary.model)
        anew = identify(self._params, summary.model, summary.seed, made)
        if any(getattr(anew, name) != getattr(summary, name) for name in ("architecture", "options", "crop")):
            return  # which is told of its settings
        told = anew.recipe != summary.recipe or provenance.by_other_sources(summary.model, summary.data, self._params)
        if same_data and not told:
            yield compared(summary.name, "key of its training", summary.key, anew.key, HERE)
        if summary.data.get("network") != anew.data["network"]:
            self._other_networks.add(summary.model)
        _start(summary)
        from alexvgg.verification import beginning

        if anew.key == summary.key:
            yield from carefully(summary.name, partial(beginning.of, summary, anew, made))
        if summary.model not in self._networks:
            yield from carefully(summary.name, partial(self._counted, summary))

    def _counted(self, summary: Summary) -> Iterator[Finding]:
        """The network of a model; and of its rows what was written beside its layers and the cost of its training."""
        from alexvgg.verification import beginning

        parameters, layers, training_flop = beginning.counted(summary, layout.DESCRIPTION)
        network = self._networks[summary.model] = layers, training_flop
        for row in (one for one in self._trainings.values() if one.model == summary.model):
            reported = self._reported[row.name]
            cost = recorded.petaflop(row, training_flop)
            yield self._as_far_as_code_is_the_same(compared(row.name, "parameters", row.params, parameters))
            yield self._as_far_as_code_is_the_same(
                compared(row.name, "PFLOP of its training", reported["train_petaflop"], cost)
            )
            if self._rows and self._rows.of_report:
                yield self._as_far_as_code_is_the_same(self._rows.evaluation(reported, network), "evaluate")

    def _texts(self) -> Iterator[Finding]:
        """All text of the report, from its rows and from networks that were built anew."""
        if missing := {one["model"] for one in self._reported.values()} - set(self._networks):
            yield Finding("unknown", "text", f"not written anew without {', '.join(sorted(missing))} (see above)")
            return
        from alexvgg.networks import catalogue

        architectures = [self._params.models[model].architecture for model in self._networks]
        drawn = {name: asdict(one) for name, one in catalogue.count(architectures).items()}
        folder = self._root / self._folder
        for name, same in claims.of(folder, self._document, self._networks, drawn, layout.DESCRIPTION):
            text = name if same else f"{name} is not what the rows say"
            found = Finding("same" if same else "differs", "text", text)
            yield self._as_far_as_code_is_the_same(found, "networks", "evaluate", "report")

    def _as_far_as_code_is_the_same(self, found: Finding, *stages: str) -> Finding:
        """A finding, for which a difference says nothing if a stage, or a network, had other sources."""
        others = [f"`{stage}` was run" for stage in stages if stage in self._other_code]
        others += [f"{model} was trained" for model in sorted(self._other_networks)]
        if found.level != "differs" or not others:
            return found
        return Finding("unknown", found.subject, f"{found.text}; but {others[0]} with other sources")

    def _answered(self, summary: Summary, found: Path | AlexvggError, folder: Path) -> Iterator[Finding]:
        """What the weights of a row answer."""
        if isinstance(found, AlexvggError):
            yield Finding("unknown", summary.name, str(found))
            return
        if summary.model in self._other_networks:
            yield Finding("unknown", summary.name, "its weights are of a network with other sources")
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
