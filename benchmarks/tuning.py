"""Our bare training step, and our evaluation, under other settings, each against the settings in use, in turns.

    python benchmarks/tuning.py [--case alexnet-67-128] [--rounds 5] [--seconds 6] [--output FILE]

Allocators from Debian's packages libjemalloc2 and libtcmalloc-minimal4 take part where they are installed.
"""

import argparse
from pathlib import Path

import origin
from throughput import Contestant, spread, start

LIBRARIES = {
    "jemalloc": "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
    "tcmalloc": "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",
}
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_TOP_PAD_": str(2**28)}
EVALUATION_BATCH = 250  # of every profile


def of_step(network: tuple[str, str], batch_size: int) -> dict[str, Contestant | None]:
    """Training steps by the name of what is different; the first is as in use."""

    def step(size: int, *arguments: str, **settings: str) -> Contestant | None:
        return start("step", *network, size, *arguments, **settings)

    return {
        "as in use": step(batch_size),
        "gradients only, no update": step(batch_size, "--without-update"),
        "mixed_bfloat16": step(batch_size, "--precision", "mixed_bfloat16"),
        "half the batch": step(batch_size // 2),
        "twice the batch": step(batch_size * 2),
        "two threads between operations": step(batch_size, "--inter-threads", "2"),
        "four steps per call": step(batch_size, "--steps-per-call", "4"),
        "no huge pages in malloc": step(batch_size, GLIBC_TUNABLES=""),
        "malloc keeps what is freed": step(batch_size, **KEPT),
        **{name: step(batch_size, LD_PRELOAD=path) for name, path in LIBRARIES.items() if Path(path).exists()},
    }


def of_evaluation(network: tuple[str, str]) -> dict[str, Contestant | None]:
    """Evaluations by the size of their batches; the first is as in use."""
    others = [EVALUATION_BATCH // 5, EVALUATION_BATCH // 2, EVALUATION_BATCH * 2, EVALUATION_BATCH * 4]
    return {f"batches of {size}": start("evaluation", *network, size) for size in [EVALUATION_BATCH, *others]}


def measure(started: dict[str, Contestant | None], rounds: int, seconds: float) -> list[str]:
    """The lines of a table."""
    contestants = {name: contestant for name, contestant in started.items() if contestant is not None}
    for _ in range(rounds):
        for contestant in contestants.values():
            contestant.windows.append(contestant.work(seconds))
    usual = next(iter(contestants.values()))
    lines = ["| setting | images/s | against the one in use |", "| --- | ---: | ---: |"]
    for name, contestant in contestants.items():
        contestant.end()
        ratios = [a / b for a, b in zip(contestant.rates, usual.rates, strict=True)]
        lines.append(f"| {name} | {spread(contestant.rates, 1)} | {spread(ratios, 3)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="alexnet-67-128", help="architecture-crop-batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a window")
    parser.add_argument("--output", type=Path, help="write the table there, too")
    settings = parser.parse_args()
    architecture, crop, batch_size = settings.case.split("-")
    network = architecture, crop
    of_training = measure(of_step(network, int(batch_size)), settings.rounds, settings.seconds)
    of_test = measure(of_evaluation(network), settings.rounds, settings.seconds)
    text = "\n".join([
        f"# Settings: {settings.case}", "",
        f"{origin.sentence()} Medians of {settings.rounds} rounds of {settings.seconds:g} s,", "ratios within a round.",
        "",
        "Training, the step by itself:", "", *of_training, "", "Evaluation, by itself:", "", *of_test, "",
    ])  # fmt: skip
    print(text)
    if settings.output:
        settings.output.write_text(text)


if __name__ == "__main__":
    main()
