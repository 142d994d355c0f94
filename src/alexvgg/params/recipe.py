"""How a network is trained: what `training` and a roster entry of `params.yaml` may say about it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from alexvgg.system.section import Section

LearningRate = Annotated[float, Field(gt=0, le=100, description="The highest that the schedule reaches.")]


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
    momentum: float = Field(ge=0, lt=1, description="Of `sgd`; `adam` ignores it.")
    weight_decay: float = Field(
        ge=0,
        le=10,
        description="Decoupled from the gradient: each step makes a weight smaller, by the learning rate times this as "
        "a share of it; biases and normalisation have none.",
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
        for name in ("cutmix", "erasing"):
            share = getattr(self, name)
            if share and not round(share * self.batch_size):
                raise ValueError(
                    f"{name} {share} of a batch of {self.batch_size} is no image; raise it, or set it to 0"
                )
        if round(self.cutmix * self.batch_size) + round(self.erasing * self.batch_size) >= self.batch_size:
            raise ValueError(
                f"cutmix {self.cutmix} and erasing {self.erasing} leave no image of {self.batch_size} as it is, to "
                "measure loss and accuracy on"
            )
        return self
