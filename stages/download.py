"""DVC stage `download`: the archive that params.yaml names, checked, as data/archive."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg.data import download
from alexvgg.data.registry import SOURCES
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.system import console


def main() -> None:
    data = file.load(layout.PARAMS).data
    guard = layout.guard("download")
    download.fetch(data, SOURCES[data.source], layout.ARCHIVE, guard.check)


if __name__ == "__main__":
    console.stage(main, __doc__)
