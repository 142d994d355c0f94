"""DVC stage `check`: params.yaml can be used; which code each stage, network and data set is made of.

The other stages depend on these lists and not on the source files, so that an edit runs again what it can change, and
nothing else (docs/decisions/0012-check-stage.md). Rows of removed models are deleted from the workspace; DVC's cache
has them.
"""

import _project  # noqa: F401, I001 - before everything else

import shutil
from pathlib import Path

from alexvgg.data.registry import SOURCES
from alexvgg.params import file
from alexvgg.params.schema import Params
from alexvgg.pipeline import code, layout
from alexvgg.system import console, files


def main() -> None:
    guard = layout.guard("check")
    params = file.load(layout.PARAMS)
    stages = {path: {"code": code.of_stage(path, layout.PACKAGE)} for path in layout.stages()}
    lists = {layout.stage_code(path.stem): content for path, content in stages.items()}
    lists |= {
        layout.network_code(model): code.of_entry(entry, layout.PACKAGE) for model, entry in params.models.items()
    }
    source = SOURCES[params.data.source].source_file
    lists[layout.source_code()] = {"code": code.of_plugin(source, layout.PACKAGE)}
    guard.check()
    for path, content in lists.items():
        files.write_json(path, content)
    for path in layout.CODE.rglob("*.json"):
        if path not in lists:
            path.unlink()
    remove_other_rows(params)


def remove_other_rows(params: Params) -> None:
    """Those that are not in the roster: `report` depends on the folder of rows with all that is in it."""
    rows = [layout.row(params.profile, name) for name in params.rows()]
    kept = {path for row in rows for path in (row.summary.parent, row.weights)}
    found: list[Path] = [*layout.rows(params.profile).glob("*"), *layout.weights(params.profile).glob("*")]
    for path in found:
        if path not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    console.stage(main, __doc__)
