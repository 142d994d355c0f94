"""DVC stage `published`: the roster's architectures at the size that the slides draw them, built and counted."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg import console, files, layout, models, params_file, runtime


def main() -> None:
    settings = params_file.load(layout.PARAMS)
    guard = layout.guard("published")
    runtime.start("float32", 0)
    from alexvgg import anatomy  # reads Keras models, which `start` has to set up first

    used = {files.read_json(network)["architecture"] for network in layout.NETWORKS.glob("*.json")}
    counted = {}
    for name, architecture in models.ARCHITECTURES.items():
        if name not in used:
            continue
        model = architecture.build(architecture.input_size, architecture.classes, {})
        counted[name] = {
            "input_size": architecture.input_size,
            "classes": architecture.classes,
            "parameters": model.count_params(),
            "forward_flop": anatomy.forward_flops(model),
        }
    guard.check()
    files.write_json(layout.published(settings.profile), counted)


if __name__ == "__main__":
    console.stage(main, __doc__)
