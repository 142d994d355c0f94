"""How far the first losses of a training lie apart on other processors: what `alexvgg verify` takes for rounding.

    python benchmarks/rounding.py [--output FILE]

One machine plays several: fewer threads, and oneDNN held to narrower vector units. The trainings are the quickstart's,
on the digits.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROFILE = ROOT / "profiles/quickstart.yaml"
OTHERS = {
    "one thread": {"ALEXVGG_THREADS": "1"},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
}
STEPS = 10
MODELS = ("alexnet", "alexnet_vgg", "vgg16")


def losses(folder: str, model: str, precision: str) -> list[float]:
    """After steps 1, 2 and 10, in a folder in which `verification.inputs` made the data."""
    os.chdir(folder)
    from alexvgg.networks import runtime
    from alexvgg.params import file
    from alexvgg.pipeline import layout
    from alexvgg.rows.identity import identify

    params = file.load(layout.PARAMS)
    runtime.start(precision, 0)
    from alexvgg.networks import checking, registry
    from alexvgg.training.trainer import Trainer
    from alexvgg.verification import beginning

    identity = identify(params, model, 0, layout.inputs(model))
    recipe = identity.recipe.model_copy(update={"precision": precision})
    identity = identity.model_copy(update={"recipe": recipe})
    data = beginning.training_data(layout.inputs(model))
    network = checking.build(
        registry.named(identity.architecture), identity.crop, len(data.description.classes), identity.options
    )
    return [one.loss for one in beginning.repeated(Trainer(network, data, identity), STEPS)]


def elsewhere(folder: str, model: str, precision: str, **settings: str) -> list[float]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TF_CPP_MIN_LOG_LEVEL": "3"} | settings
    command = [sys.executable, __file__, "--one", folder, model, precision]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help="write the table there, too")
    settings = parser.parse_args()
    if settings.one:
        print(json.dumps(losses(*settings.one)))
        return
    from alexvgg.verification import inputs

    lines = []
    with inputs.made_anew(ROOT, PROFILE, Path("none")):
        for model in MODELS:
            for precision in ("float32", "mixed_bfloat16"):
                here = elsewhere(str(Path.cwd()), model, precision)
                for title, variables in OTHERS.items():
                    if precision != "float32" and "ONEDNN_MAX_CPU_ISA" in variables:
                        continue  # which refuses bfloat16
                    there = elsewhere(str(Path.cwd()), model, precision, **variables)
                    apart = [abs(a - b) / abs(a) for a, b in zip(here, there, strict=True)]
                    lines.append(f"| {model} | {precision} | {title} | {' | '.join(f'{one:.1e}' for one in apart)} |")
                    print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join([
        "# Rounding", "",
        "Made by `benchmarks/rounding.py`: by how much, relatively, the loss of a training's step differs from the one",
        "on this machine with all its threads. `verification/beginning.py` has the bounds of `alexvgg verify`.", "",
        "| network | precision | elsewhere | step 1 | step 2 | step 10 |", "| --- | --- | --- | ---: | ---: | ---: |",
        *lines, "",
    ])  # fmt: skip
    print(text)
    if settings.output:
        settings.output.write_text(text)


if __name__ == "__main__":
    main()
