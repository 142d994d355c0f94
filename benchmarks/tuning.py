"""Our bare training step under other settings, each against the settings in use, in turns.

    python benchmarks/tuning.py [--case alexnet-67-128] [--rounds 5] [--seconds 6] [--output FILE]

Allocators from Debian's packages libjemalloc2 and libtcmalloc-minimal4 take part where they are installed.
"""

import argparse
from pathlib import Path

from throughput import Contestant, spread, start

LIBRARIES = {
    "jemalloc": "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
    "tcmalloc": "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",
}
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_TOP_PAD_": str(2**28)}


def variants(batch_size: int) -> dict[str, tuple[int, tuple[str, ...], dict[str, str]]]:
    """By name: batch size, further arguments, settings in the environment."""
    found: dict[str, tuple[int, tuple[str, ...], dict[str, str]]] = {
        "as in use": (batch_size, (), {}),
        "gradients only, no update": (batch_size, ("--without-update",), {}),
        "mixed_bfloat16": (batch_size, ("--precision", "mixed_bfloat16"), {}),
        "half the batch": (batch_size // 2, (), {}),
        "twice the batch": (batch_size * 2, (), {}),
        "two threads between operations": (batch_size, ("--inter-threads", "2"), {}),
        "four steps per call": (batch_size, ("--steps-per-call", "4"), {}),
        "no huge pages in malloc": (batch_size, (), {"GLIBC_TUNABLES": ""}),
        "malloc keeps what is freed": (batch_size, (), KEPT),
    }
    for name, path in LIBRARIES.items():
        if Path(path).exists():
            found[name] = (batch_size, (), {"LD_PRELOAD": path})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="alexnet-67-128", help="architecture-crop-batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a window")
    parser.add_argument("--output", type=Path, help="write the table there, too")
    settings = parser.parse_args()
    architecture, crop, batch_size = settings.case.split("-")
    contestants: dict[str, Contestant] = {}
    for name, (size, arguments, environment) in variants(int(batch_size)).items():
        contestant = start("step", architecture, crop, size, *arguments, **environment)
        assert contestant is not None
        contestants[name] = contestant
    for _ in range(settings.rounds):
        for contestant in contestants.values():
            contestant.windows.append(contestant.work(settings.seconds))
    usual = contestants["as in use"]
    lines = ["| setting | images/s | against the one in use |", "| --- | ---: | ---: |"]
    for name, contestant in contestants.items():
        contestant.end()
        ratios = [a / b for a, b in zip(contestant.rates, usual.rates, strict=True)]
        lines.append(f"| {name} | {spread(contestant.rates, 1)} | {spread(ratios, 3)} |")
    header = [
        f"# Settings of a training step: {settings.case}",
        "",
        f"Made by `benchmarks/tuning.py --case {settings.case}`, {usual.facts['hardware']}: medians of "
        f"{settings.rounds} rounds, ratios within a round.",
        "",
    ]
    text = "\n".join([*header, *lines, ""])
    print(text)
    if settings.output:
        settings.output.write_text(text)


if __name__ == "__main__":
    main()
