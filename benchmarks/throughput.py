"""Training throughput, side by side: the slide's code, PyTorch, our step by itself, ours in full.

    python benchmarks/throughput.py [--rounds 5] [--seconds 5] [--only alexnet-227] [--precision P] [--output FILE]

Every contestant is a process of its own that sleeps while another works (`contestants/`). In each round each works
for some seconds; a ratio is taken within a round, and the table has medians with their spread. Before that, ours take
turns by themselves, for twice as many rounds: what the others hold in memory, 10 GB at VGG-16's 224 pixels, is missing
for the files that (d) writes its checkpoints over. Ten windows of 5 s are the 50 s between two checkpoints, so that (d)
makes one in them, as in use; in fewer it makes none.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import origin

from alexvgg.system import hardware
from alexvgg.system.process import HUGE_PAGES

ROOT = Path(__file__).resolve().parents[1]
CONTESTANTS = Path(__file__).parent / "contestants"
# Network, crop, batch size: the slide's own sizes, then those of profiles/cpu.yaml.
CASES = [
    ("alexnet", 227, 64), ("alexnet_vgg", 227, 64), ("vgg16", 224, 8),
    ("alexnet", 67, 128), ("alexnet_vgg", 96, 128), ("vgg16", 32, 64),
]  # fmt: skip
OURS = ("step", "full", "evaluation")
LAYOUTS = ("channels_last", "contiguous")
MODES = ("eager", "compiled")
PRECISIONS = ("float32", "mixed_bfloat16")
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


@dataclass
class Contestant:
    """A process of its own, and what it did in its windows: (images, seconds)."""

    process: subprocess.Popen[str]
    facts: dict[str, Any] = field(default_factory=dict)
    alone: list[tuple[float, float]] = field(default_factory=list)  # before the others began
    windows: list[tuple[float, float]] = field(default_factory=list)

    def work(self, seconds: float) -> tuple[float, float]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        images, took = self._answer()
        return images, took

    def ready(self) -> bool:
        """Wait until it is warm. False if it ended instead."""
        try:
            self.facts = self._answer()
        except ValueError:
            return False
        return True

    def end(self) -> None:
        self.process.communicate()

    @property
    def rates(self) -> list[float]:
        return [images / seconds for images, seconds in self.windows]

    @property
    def all_rates(self) -> list[float]:
        return [images / seconds for images, seconds in self.alone + self.windows]

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def start(program: str, *arguments: object, **settings: str) -> Contestant | None:
    """A contestant that is warm, with `settings` in its environment; None if it cannot run here."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", ONEDNN))}
    environment |= {"PYTHONPATH": f"{ROOT / 'src'}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if program in OURS:
        environment["GLIBC_TUNABLES"] = HUGE_PAGES
    environment |= settings
    process = subprocess.Popen(
        [sys.executable, CONTESTANTS / f"{program}.py", *map(str, arguments)], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE if program == "pytorch" else None,
    )  # fmt: skip
    contestant = Contestant(process)
    if contestant.ready():
        return contestant
    if program != "pytorch":
        sys.exit(f"error: {program} {arguments} ended before its first window")
    return None


def start_pytorch(case: tuple[str, int, int], precision: str, seconds: float) -> Contestant | None:
    """PyTorch as it is fastest: in one of two memory layouts, eager or compiled, each tried once in turn."""
    best = None
    for layout, mode in itertools.product(LAYOUTS, MODES):
        contestant = start("pytorch", *case, precision, layout, mode)
        if contestant is None:
            continue
        images, took = contestant.work(seconds)
        contestant.facts |= {"how": f"{mode}, {layout}", "tried": images / took}
        slower = contestant
        if best is None or contestant.facts["tried"] > best.facts["tried"]:
            best, slower = contestant, best
        if slower is not None:
            slower.end()
    return best


def measure(case: tuple[str, int, int], precision: str, rounds: int, seconds: float) -> dict[str, Contestant]:
    """All contestants that run here, after their rounds."""
    ours = {"step": start("step", *case, "--precision", precision), "full": start("full", *case, precision)}
    for _ in range(2 * rounds):
        for contestant in ours.values():
            assert contestant is not None
            contestant.alone.append(contestant.work(seconds))
    started = {
        "slide": start("slide", *case, precision),
        "slide without oneDNN": start("slide", *case, precision, **{ONEDNN: "0"}),
        "pytorch": start_pytorch(case, precision, seconds),
        **ours,
        "gemm": start("gemm", precision),
    }
    contestants = {name: contestant for name, contestant in started.items() if contestant is not None}
    counts = {name: c.facts["params"] for name, c in contestants.items() if "params" in c.facts}
    if len(set(counts.values())) != 1:
        sys.exit(f"error: these are not the same network: parameters {counts}")
    for _ in range(rounds):
        for contestant in contestants.values():
            contestant.windows.append(contestant.work(seconds))
    for contestant in contestants.values():
        contestant.end()
    return contestants


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def overall_ratio(one: Contestant, other: Contestant) -> str:
    """Of all windows alone, taken together, and the 95 % interval of a bootstrap over the rounds."""
    rounds = list(zip(one.alone, other.alone, strict=True))

    def ratio(sample: list[Any]) -> float:
        (images, seconds), (other_images, other_seconds) = (
            [sum(values) for values in zip(*windows, strict=True)] for windows in zip(*sample, strict=True)
        )
        return (images / seconds) / (other_images / other_seconds)

    draw = random.Random(0).choices
    drawn = sorted(ratio(draw(rounds, k=len(rounds))) for _ in range(1000))
    return f"{ratio(rounds):.3f} ({drawn[25]:.3f}–{drawn[974]:.3f})"


def row(case: tuple[str, int, int], precision: str, contestants: dict[str, Contestant]) -> str:
    full, step, gemm = contestants["full"], contestants["step"], contestants["gemm"]

    def rate(name: str) -> str:
        return spread(contestants[name].all_rates, 1) if name in contestants else "not installed"

    def ratio(name: str) -> str:
        if name not in contestants:
            return "–"
        return spread([a / b for a, b in zip(full.rates, contestants[name].rates, strict=True)], 2)

    flops, product = step.facts["flops"], gemm.facts["flops"]
    shares = [a * flops / (b * product) for a, b in zip(full.rates, gemm.rates, strict=True)]
    architecture, crop, batch_size = case
    theirs = ("slide", "slide without oneDNN", "pytorch")
    pytorch = rate("pytorch") + (f", {contestants['pytorch'].facts['how']}" if "pytorch" in contestants else "")
    cells = [
        f"{architecture} {crop}", precision.removeprefix("mixed_"), str(batch_size),
        rate("slide"), rate("slide without oneDNN"), pytorch, rate("step"), rate("full"),
        *map(ratio, theirs), overall_ratio(full, step), spread(shares, 2),
        spread([rate * product / 1e9 for rate in gemm.rates], 0),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


HEADER = """\
| network, pixels | precision | batch | (a) slide | (a′) slide, oneDNN off | (b) PyTorch | (c) bare step | (d) in full \
| (d)/(a) | (d)/(a′) | (d)/(b) | (d)/(c) | share of GEMM | GEMM, GFLOP/s |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""

NOTES = """\
Training images per second, medians of {rounds} rounds, with the lowest and the highest; ratios are taken within a
round. (c) and (d) took turns by themselves for {alone} rounds before those: their rates are over all.

- (a): the slide's layers, Keras's `fit`, Adam at a constant rate, TensorFlow as it comes, one constant batch.
- (a′): the same without oneDNN, as TensorFlow comes on processors that have neither VNNI nor BF16 nor AMX.
- (b): PyTorch {torch} as it is fastest, in one of two memory layouts, eager or by `torch.compile`; AdamW in one pass,
  one constant batch; in bfloat16 by its autocast.
- (c): our step (network, loss, clipping, AdamW) on one constant batch.
- (d): the stage `train`: input, metrics, checkpoints, journal, tracking. (d)/(c) is over the windows in which the two
  took turns, all together, since a checkpoint is made once in 50 seconds of work, with the 95 % interval of a bootstrap
  over the rounds.
- Share of GEMM: counted FLOPs of (d) against a product of two 4096 × 4096 matrices, which is what these cores can do.
"""


def page(lines: list[str], rounds: int, torch: str) -> str:
    notes = NOTES.format(rounds=rounds, alone=2 * rounds, torch=torch)
    return "\n".join(["# Throughput", "", origin.sentence(), "", HEADER, *lines, "", notes])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a window")
    parser.add_argument("--only", nargs="+", help="some of " + ", ".join(f"{a}-{c}" for a, c, _ in CASES))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, help="default: those that this processor has")
    parser.add_argument("--output", type=Path, help="write the table there, too")
    settings = parser.parse_args()
    there = PRECISIONS if hardware.cpu_features() & {"avx512_bf16", "amx_bf16"} else PRECISIONS[:1]
    lines, torch = [], "(not installed: make setup BENCH=1)"
    for case, precision in itertools.product(CASES, settings.precision or there):
        if settings.only and f"{case[0]}-{case[1]}" not in settings.only:
            continue
        contestants = measure(case, precision, settings.rounds, settings.seconds)
        torch = contestants["pytorch"].facts["version"] if "pytorch" in contestants else torch
        lines.append(row(case, precision, contestants))
        print(lines[-1], file=sys.stderr, flush=True)
        if settings.output:  # after each row, so that what is measured is not lost when it is stopped
            settings.output.write_text(page(lines, settings.rounds, torch))
    print(page(lines, settings.rounds, torch))


if __name__ == "__main__":
    main()
