"""`alexvgg verify`: whether the numbers of a committed report are true."""

from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.system.errors import AlexvggError
from alexvgg.verification.report import Verification

SHOWN = {"same": "same", "differs": "DIFFERS", "unknown": "unknown"}


def verify(profile: str | None, every_row: bool, weights: bool) -> None:
    """Compute anew what a report says, and repeat the beginning of its trainings. Raises AlexvggError if it differs."""
    name = profile or file.load(layout.PARAMS).profile
    counts = dict.fromkeys(SHOWN, 0)
    for finding in Verification(name, every_row, weights).findings():
        counts[finding.level] += 1
        print(f"{SHOWN[finding.level]:8} {finding.subject}: {finding.text}", flush=True)
    print(
        f"{name}: {counts['same']} the same, {counts['differs']} differ, {counts['unknown']} that cannot be told here"
    )
    if counts["differs"]:
        raise AlexvggError(
            f"{counts['differs']} of {sum(counts.values())} findings differ from what reports/{name} says"
        )
