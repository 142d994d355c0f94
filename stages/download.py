"""DVC stage `download`: the archive that params.yaml names, checked, as data/archive.gz."""

import _project  # noqa: F401, I001 - before everything else

import os
from pathlib import Path

from alexvgg import console, layout, params_file
from alexvgg.data import download


def main() -> None:
    data = params_file.load(layout.PARAMS).data
    guard = layout.guard("download")
    local = os.environ.get("ALEXVGG_CIFAR100_ARCHIVE")
    download.fetch(data, Path(local) if local else None, layout.ARCHIVE, guard.check)


if __name__ == "__main__":
    console.stage(main, __doc__)
