"""DVC stage `sources`: which source files each other stage and each network is made of, with their digests.

The other stages depend on these lists and not on the sources, so that an edit runs again what it can change, and
nothing else (docs/decisions/0012-sources-stage.md).
"""

import _project  # noqa: F401, I001 - before everything else

from pathlib import Path
from typing import Any

from alexvgg import console, files, layout, params_file, sources


def main() -> None:
    roster = params_file.load(layout.PARAMS).models
    guard = layout.guard("sources")
    stages = {file.stem: {"sources": sources.of_stage(file, layout.PACKAGE)} for file in layout.stages()}
    networks = {model: of_network(entry.architecture) for model, entry in roster.items()}
    guard.check()
    write(layout.SOURCES, stages)
    write(layout.NETWORKS, networks)


def of_network(architecture: str) -> dict[str, Any]:
    from alexvgg import models  # runs the networks' files, which have been read as Python by now

    digests = sources.of_network(models.named(architecture).source_file, layout.PACKAGE)
    return {"architecture": architecture, "sources": digests}


def write(folder: Path, lists: dict[str, Any]) -> None:
    """A file for each list, and no others."""
    for name, content in lists.items():
        files.write_json(folder / f"{name}.json", content)
    files.keep_only(folder, {f"{name}.json" for name in lists})


if __name__ == "__main__":
    console.stage(main, __doc__)
