"""What `params.yaml` may contain, and what it means; `file` reads it.

Unknown keys are refused. There are no defaults here for what the pipeline does: a parameter file is complete. The one
rule of combination is that a roster entry may name any key of `training` again, and its own value wins
(`Params.recipe`). Nothing is computed here: what a value does is in the rooms that use it.

Descriptions are what editors show (`params.schema.json`) and what docs/reference/parameters.md says; after an edit,
`make schema` writes both.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, StringConstraints, ValidationError, model_validator

from alexvgg.data.registry import SOURCES
from alexvgg.data.source import SourceSettings
from alexvgg.networks import registry
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import ParamsError
from alexvgg.system.section import Section

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
LearningRate = Annotated[float, Field(gt=0, le=100, description="The highest that the schedule reaches.")]
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


class EarlyCrop(Section):
    """Some of the first epochs, at a smaller crop than the network's own, which cost less."""

    crop: int = Field(ge=1, le=1024, description="Pixels: smaller than the network's own crop.")
    fraction: float = Field(gt=0, lt=1, description="Share of the training's epochs, which ends with a whole one.")


class Training(Section):
    """How networks are trained; the learning rate is each network's own.

    Weight decay is decoupled from the gradient: with it, `adam` is AdamW.
    """

    epochs: int = Field(ge=1, le=10_000, description="Passes over the training images.")
    batch_size: int = Field(ge=1, le=65_536, description="Images a step.")
    optimizer: Literal["sgd", "adam"] = Field(
        description="`sgd` has Nesterov momentum; `adam` with weight decay is AdamW."
    )
    schedule: Literal["constant", "cosine", "one_cycle"] = Field(
        description="After the warm-up the learning rate stays (`constant`), or falls to 0 along half a cosine "
        "(`cosine`) or in a straight line (`one_cycle`)."
    )
    warmup_fraction: float = Field(ge=0, lt=1, description="Share of the steps over which the learning rate rises.")
    restart: float = Field(
        ge=0,
        le=1,
        description="Share of the highest learning rate to which it is raised again when crops become larger, if it is "
        "below; from there it falls to 0 as before.",
    )
    momentum: float = Field(ge=0, lt=1, description="Of `sgd`.")
    weight_decay: float = Field(
        ge=0, le=10, description="Decoupled from the gradient: a step takes the learning rate times this off a weight."
    )
    label_smoothing: float = Field(ge=0, lt=1, description="Share of a label that is spread over all classes.")
    gradient_clip_norm: float | None = Field(gt=0, description="Largest norm of the gradient; `null` switches it off.")
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        description="`mixed_bfloat16` is for processors with AMX or AVX512_BF16, and for GPUs."
    )
    jit_compile: bool = Field(description="Compile the step with XLA, which pays on GPUs.")
    random_crop: bool = Field(description="Cut crops at random places; `false`: in the middle.")
    padding: int = Field(
        ge=0, le=1024, description="Pixels of the data set's images, by which random crops may go beyond them."
    )
    flip: Literal["none", "random", "alternating"] = Field(
        description="Mirror images; `alternating` shows each from both sides in any two epochs in a row."
    )
    cutmix: float = Field(
        ge=0, lt=1, description="Share of each batch that is mixed; loss and accuracy are measured on the rest."
    )
    erasing: float = Field(
        ge=0,
        lt=1,
        description="Share of each batch, of other images, in which a rectangle gets the mean colour; loss and "
        "accuracy are measured on the rest.",
    )
    early_crops: list[EarlyCrop] = Field(
        description="The first epochs at smaller crops, in order, such as `[{crop: 67, fraction: 0.5}]`; `[]` for none."
    )
    stop_after: int | None = Field(
        ge=1,
        description="Steps after which training stops, before its schedule ends; the row is then marked as not trained "
        "to the end. `null`: never.",
    )


class Recipe(Training):
    """How one network is trained."""

    learning_rate: LearningRate

    @model_validator(mode="after")
    def _full_size_is_reached(self) -> "Recipe":
        early = sum(stage.fraction for stage in self.early_crops)
        if early >= 1:
            raise ValueError(f"early_crops take {early:g} of the training; leave some of it at full size")
        sides = [stage.crop for stage in self.early_crops]
        if sides != sorted(set(sides)):
            raise ValueError(f"early_crops of {', '.join(map(str, sides))} pixels; each has to be larger than the last")
        if self.early_crops and self.epochs == 1:
            raise ValueError("early_crops leave no epoch of 1 at full size; train for more, or set early_crops: []")
        return self

    @model_validator(mode="after")
    def _augmentation_can_be_done(self) -> "Recipe":
        if self.padding and not self.random_crop:
            raise ValueError(f"padding {self.padding} is for random crops; set random_crop: true, or padding: 0")
        if round(self.cutmix * self.batch_size) + round(self.erasing * self.batch_size) >= self.batch_size:
            raise ValueError(
                f"cutmix {self.cutmix} and erasing {self.erasing} leave no image of {self.batch_size} as it is, to "
                "measure loss and accuracy on"
            )
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
