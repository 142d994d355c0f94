"""How far losses and answers lie apart on other processors: what `alexvgg verify` takes for rounding.

    python benchmarks/rounding.py [--output FILE]

One machine plays several: fewer threads, and oneDNN held to narrower vector units. The trainings are the quickstart's,
on the digits, and so are the trained networks, which have to be here (`make repro PROFILE=quickstart`).
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import origin

ROOT = Path(__file__).resolve().parents[1]
PROFILE = ROOT / "profiles/quickstart.yaml"
OTHERS = {
    "one thread": {"ALEXVGG_THREADS": "1"},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
}
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
    return [one.loss for one in beginning.repeated(Trainer(network, data, identity))]


def confidences(folder: str, model: str, precision: str) -> list[float]:
    """The probability of each answer of the trained network, computed in `precision`."""
    os.chdir(folder)
    from alexvgg.data import arrays
    from alexvgg.networks import runtime
    from alexvgg.pipeline import layout
    from alexvgg.rows.summary import Summary

    row = layout.row("quickstart", f"{model}-0")
    summary = Summary.read(ROOT / row.summary)
    runtime.start(precision, 0)
    from alexvgg.evaluation import measures
    from alexvgg.evaluation.prediction import Predictor

    description = arrays.load_description(layout.DESCRIPTION)
    test = arrays.load(layout.SPLITS["test"], description)
    network = measures.rebuild(summary, description, ROOT / row.weights)
    logits = Predictor.of(network, description, summary.crop, 250).logits(test.images)
    return [float(one) for one in measures.answers(logits, test.labels, description.classes)["confidence"]]


MEASURED = {"losses": losses, "confidences": confidences}


def elsewhere(what: str, folder: str, model: str, precision: str, **settings: str) -> list[float]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TF_CPP_MIN_LOG_LEVEL": "3"} | settings
    command = [sys.executable, __file__, "--one", what, folder, model, precision]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def apart(what: str, model: str, precision: str) -> Iterator[tuple[str, list[float], list[float]]]:
    """What is measured, here and as another processor would: its title, and both."""
    here = elsewhere(what, str(Path.cwd()), model, precision)
    for title, variables in OTHERS.items():
        if precision == "float32" or "ONEDNN_MAX_CPU_ISA" not in variables:  # which refuses bfloat16
            yield title, here, elsewhere(what, str(Path.cwd()), model, precision, **variables)
    if what == "confidences" and precision != "float32":  # as far apart as two ways to round to bfloat16 can be
        yield "float32", here, elsewhere(what, str(Path.cwd()), model, "float32")


def lines_of(what: str, differences: Callable[[list[float], list[float]], list[float]]) -> Iterator[str]:
    for model in MODELS:
        for precision in ("float32", "mixed_bfloat16"):
            for title, here, there in apart(what, model, precision):
                numbers = " | ".join(f"{one:.1e}" for one in differences(here, there))
                line = f"| {model} | {precision} | {title} | {numbers} |"
                print(line, file=sys.stderr, flush=True)
                yield line


def relative(here: list[float], there: list[float]) -> list[float]:
    return [abs(a - b) / abs(a) for a, b in zip(here, there, strict=True)]


def largest(here: list[float], there: list[float]) -> list[float]:
    return [max(abs(a - b) for a, b in zip(here, there, strict=True))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help="write the tables there, too")
    settings = parser.parse_args()
    if settings.one:
        what, *arguments = settings.one
        print(json.dumps(MEASURED[what](*arguments)))
        return
    from alexvgg.verification import inputs

    with inputs.made_anew(ROOT, PROFILE, Path("none")):
        of_losses, of_answers = list(lines_of("losses", relative)), list(lines_of("confidences", largest))
    text = "\n".join([
        "# Rounding", "",
        f"{origin.sentence()} By how much, relatively, the loss of a training's step differs from the one",
        "with all threads. `verification/beginning.py` has the bounds of `alexvgg verify`.", "",
        "| network | precision | elsewhere | step 1 | step 2 | step 10 |", "| --- | --- | --- | ---: | ---: | ---: |",
        *of_losses, "",
        "And by how much, at most, the probability of a trained network's answer to a test image differs;",
        "`verification/weights.py` has the bounds.", "",
        "| network | precision | elsewhere | probability |", "| --- | --- | --- | ---: |",
        *of_answers, "",
    ])  # fmt: skip
    print(text)
    if settings.output:
        settings.output.write_text(text)


if __name__ == "__main__":
    main()
