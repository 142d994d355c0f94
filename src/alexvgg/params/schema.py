"""What `params.yaml` may contain, and what it means; `file` reads it.

Unknown keys are refused. There are no defaults here for what the pipeline does: a parameter file is complete. The one
rule of combination is that a roster entry may name any key of `training` again, and its own value wins
(`Params.recipe`). Nothing is computed here: what a value does is in the rooms that use it.

Descriptions are what editors show (`params.schema.json`) and what docs/reference/parameters.md says; after an edit,
`make schema` writes both.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field, StringConstraints, ValidationError, model_validator

from alexvgg.data.registry import SOURCES
from alexvgg.data.source import SourceSettings
from alexvgg.networks import registry
from alexvgg.params.recipe import LearningRate, Recipe, Training
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import ParamsError
from alexvgg.system.section import Section

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
if TYPE_CHECKING:
    Data = SourceSettings
else:  # made from a table, which type checkers cannot follow
    Data = Annotated[Union[tuple(source.settings for source in SOURCES.values())], Field(discriminator="source")]  # noqa: UP007


class Preprocess(Section):
    """Splits, and the crop geometry: images are resized to `resize`, `crop` is cut out (slide Fig 5).

    Networks with another input size keep the ratio of the two.
    """

    val_fraction: float = Field(gt=0, lt=1, description="Share of the training images, of each class, to validate on.")
    split_seed: Seed = Field(description="Decides which images these are.")
    resize: int = Field(ge=1, le=1024, description="Pixels: the side to which images are resized before a crop is cut.")
    crop: int = Field(ge=1, le=1024, description="Pixels: the side of the crop; at most `resize`.")

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocess":
        if self.crop > self.resize:
            raise ValueError(f"crop {self.crop} is larger than resize {self.resize}; make it at most {self.resize}")
        return self


class Evaluation(Section):
    """How trained networks are evaluated."""

    batch_size: int = Field(
        ge=1, le=65_536, description="Images at a time: more are faster, as far as the memory goes."
    )


class RosterEntry(Section):
    """One row of the table: an architecture, its input size, its options, and what differs in its training."""

    model_config = Section.model_config | {"extra": "allow"}

    architecture: str = Field(description="A network; `alexvgg models` lists them.")
    crop: int = Field(ge=1, le=1024, description="Pixels: the side of the network's input.")
    learning_rate: LearningRate
    options: dict[str, Any] = Field(default_factory=dict, description="The network's own settings.")

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                refuse_unknown(str(key), [*cls.model_fields, *Training.model_fields], "key")
        return data

    @model_validator(mode="after")
    def _network_can_be_built(self) -> "RosterEntry":
        if self.crop < self.min_crop:
            raise ValueError(
                f"crop {self.crop} is too small for {self.architecture} with these options; "
                f"it needs at least {self.min_crop}"
            )
        return self

    @property
    def complete_options(self) -> dict[str, Any]:
        """The network's options, with its defaults. Raises ValueError."""
        return registry.named(self.architecture).parse(self.options).model_dump()

    @property
    def min_crop(self) -> int:
        """The smallest input side in pixels that the network takes with these options. Raises ValueError."""
        return registry.named(self.architecture).parse(self.options).min_crop

    def check_early_crops(self, recipe: Recipe) -> None:
        """Raises ValueError if an early crop is not smaller than the network's own, or too small for it."""
        least = self.min_crop
        for early in recipe.early_crops:
            if not least <= early.crop < self.crop:
                allowed = f"it takes from {least} to {self.crop - 1}" if least < self.crop else "no smaller one does"
                raise ValueError(
                    f"early crop {early.crop} does not fit {self.architecture} at crop {self.crop}; {allowed}"
                )


class Params(Section):
    """A whole parameter file."""

    profile: ProfileName = Field(description="The name of this file in profiles/, and of the folders of its results.")
    data: Data = Field(description="The data set: which, and what its archive is.")
    preprocess: Preprocess = Field(description="Splits, and the crop geometry.")
    training: Training = Field(description="How networks are trained; a roster entry may override any of these.")
    evaluation: Evaluation = Field(description="How trained networks are evaluated.")
    seeds: list[Seed] = Field(
        min_length=1,
        description="Each model is trained once with each of these; the table gives mean ± standard deviation.",
        json_schema_extra={"uniqueItems": True},
    )
    models: dict[Name, RosterEntry] = Field(
        min_length=1, description="The roster: the rows of the table, by names of small letters, digits and `_`."
    )

    @model_validator(mode="after")
    def _overrides_are_valid(self) -> "Params":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} names a seed twice")
        for name, entry in self.models.items():
            try:
                entry.check_early_crops(self.recipe(name))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                where, message = ".".join(["models", name, *map(str, first["loc"])]), first["msg"]
                if first["type"] == "value_error":  # of several values together, which it names itself
                    raise ValueError(f"{where}: {first['ctx']['error']}") from None
                raise ValueError(f"{where}: {message[0].lower()}{message[1:]}, found {first['input']!r}") from None
            except ValueError as error:
                raise ValueError(f"models.{name}: {error}") from None
        return self

    def rows(self, models: Iterable[str] | None = None) -> list[str]:
        """`<model>-<seed>` of each row of these models, or of all. Raises ParamsError for one not in the roster."""
        return [f"{model}-{seed}" for model in (models or self.models) if self.entry(model) for seed in self.seeds]

    def recipe(self, model: str) -> Recipe:
        """`training`, with the roster entry's own values in place of the common ones."""
        entry = self.models[model]
        own = {"learning_rate": entry.learning_rate, **(entry.model_extra or {})}
        return Recipe.model_validate(self.training.model_dump() | own)

    def entry(self, model: str) -> RosterEntry:
        """The roster entry called `model`. Raises ParamsError, saying which there are."""
        if model not in self.models:
            raise ParamsError(f"model {model!r} is not in the roster; there are: {', '.join(self.models)}")
        return self.models[model]
