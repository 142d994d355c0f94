"""What the slides say of comparisons: whether a claim held, which models differ by more than chance."""

import math

from alexvgg.reporting.comparisons import Comparison, Difference
from alexvgg.reporting.presentation import sentences

ONE_SEED, NO_VERDICT, HIGHER, LOWER = "one seed", "not significant", "higher", "lower"


def comparison(found: Comparison) -> list[str]:
    """Whether a claim held."""
    title = found.claim.title
    if all(math.isnan(one.interval) for one in found.differences):
        return [f"{title}: one seed each, so no verdict on the claim", f"{title}: no verdict"]
    if len(found.differences) == 1:
        [one] = found.differences
        return [f"{title}: the claim {_verdict(one.held)}, {_by(found)}", f"{title}: {verdict(one)}"]
    groups: dict[str, list[str]] = {}
    for one in found.differences:
        groups.setdefault(verdict(one), []).append(one.variant.name)
    parts = [f"{said} for {sentences.listed(names)}" for said, names in groups.items()]
    return [f"{title}: {'; '.join(parts)}", f"{title}: {sentences.listed(groups)}"]


def verdict(one: Difference) -> str:
    """For a table."""
    return ONE_SEED if math.isnan(one.interval) else {True: "held", False: "did not hold", None: NO_VERDICT}[one.held]


def _verdict(held: bool | None) -> str:
    return {True: "held", False: "did not hold", None: "is neither borne out nor refuted"}[held]


def _by(found: Comparison) -> str:
    [one] = found.differences
    if found.claim.measure == "epochs_to_error" and one.held:
        return f"{found.reference.mean / one.variant.mean:.1f} times as fast"
    return f"{one.difference:+.4f} ± {one.interval:.4f}"


def variants(lines: list[list[str]], verdicts: list[str]) -> list[str]:
    """Of models compared with the first, which is the first line: how many differ from it by more than chance."""
    (first, *_), *others = lines
    if ONE_SEED in verdicts:
        furthest = max(others, key=lambda line: abs(float(line[3])))
        far = f"{furthest[0]} is furthest from {first} in Val_ACC: {furthest[3]}"
        return [f"{far}; with one seed, nothing is said of chance", far]
    higher, lower = (verdicts.count(which) for which in (HIGHER, LOWER))
    models = sentences.counted(len(others), "model")
    return [f"Val_ACC against {first}: of {models}, {higher} significantly higher, {lower} lower",
            f"Against the first model: {higher} higher, {lower} lower"]  # fmt: skip


def beyond_chance(one: Difference) -> str:
    """The verdict on a model that is compared with the first."""
    if math.isnan(one.interval):
        return ONE_SEED
    if abs(one.difference) <= one.interval:
        return NO_VERDICT
    return HIGHER if one.difference > 0 else LOWER
