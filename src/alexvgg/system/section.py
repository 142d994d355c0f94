"""The base of everything that people write into `params.yaml`: types are checked, unknown keys refused."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of `params.yaml`. There are no conversions: `"3"` is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
