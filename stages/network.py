"""DVC stage `network@<model>`: which source files make this network, and their digests.

`train` depends on this and not on the folder of networks, so that a new network, or an edit of another one,
retrains nothing.
"""

import _project  # noqa: F401, I001 - before everything else

from alexvgg import console, files, layout, models, params_file, sources


def main(model: str) -> None:
    architecture = params_file.load(layout.PARAMS).entry(model).architecture
    guard = layout.guard("network", model=model)
    digests = sources.digests(models.named(architecture).source_file, layout.PACKAGE)
    guard.check()
    files.write_json(layout.network(model), {"architecture": architecture, "sources": digests})


if __name__ == "__main__":
    console.stage(main, __doc__, model=str)
