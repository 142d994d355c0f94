"""What a data set is: a title, the keys it has under `data:`, a reader, and where its archive comes from."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from alexvgg.data.dataset import Dataset
from alexvgg.system.section import Section

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SourceSettings(Section):
    """`data:` in `params.yaml`. A data set adds `source: Literal["its name"]`, and what else it needs."""

    source: str
    sha256: list[Sha256] = Field(min_length=1)

    @property
    def addresses(self) -> list[str]:
        """Where to download the archive, in the order in which to try."""
        return []


@dataclass(frozen=True)
class Source:
    """A data set. `read(archive, settings)` returns it, or raises DataError.

    `bundled` says where an installed package has the archive; `by_hand` is the environment variable that may name a
    local copy.
    """

    title: str
    settings: type[SourceSettings]
    read: Callable[[Path, Any], Dataset]
    bundled: Callable[[], Path] | None = None
    by_hand: str | None = None

    def title_of(self, settings: SourceSettings) -> str:
        """What people call it: its settings' `title`, where they have one."""
        return str(getattr(settings, "title", self.title))

    @property
    def source_file(self) -> Path:
        """The file in which the data set is written."""
        return Path(inspect.getfile(self.settings))
