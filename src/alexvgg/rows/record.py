"""The base of the records that a row consists of: typed, written as JSON, the same values in the same bytes."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from alexvgg.system import files
from alexvgg.system.errors import DataError


class Record(BaseModel):
    """A value that is written once and read many times."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def write(self, path: Path) -> None:
        """Replace a file by this record, as JSON, in one step."""
        files.write_json(path, self.model_dump())

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file. Raises DataError."""
        try:
            return cls.model_validate(files.read_json(path))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{path} is of another version ({where}: {first['msg']}); run `dvc repro`, or `git checkout {path}`"
            ) from None
