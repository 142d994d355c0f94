"""DVC stage `networks`: the roster's architectures as the slides draw them, and each entry's network, counted."""

import _project  # noqa: F401, I001 - before everything else

from dataclasses import asdict

from alexvgg.data import arrays
from alexvgg.networks import runtime
from alexvgg.pipeline import layout
from alexvgg.system import console, files


def main() -> None:
    guard = layout.guard("networks")
    classes = len(arrays.load_description(layout.DESCRIPTION).classes)
    runtime.start("float32", 0)
    from alexvgg.networks import catalogue  # builds Keras models, which `start` has to set up first

    roster = {path.stem: files.read_json(path) for path in sorted(layout.network_code("x").parent.glob("*.json"))}
    drawn = catalogue.count(one["architecture"] for one in roster.values())
    parameters = {
        model: catalogue.parameters(one["architecture"], one["crop"], classes, one["options"])
        for model, one in roster.items()
    }
    guard.check()
    files.write_json(
        layout.NETWORKS, {"slides": {name: asdict(one) for name, one in drawn.items()}, "roster": parameters}
    )


if __name__ == "__main__":
    console.stage(main, __doc__)
