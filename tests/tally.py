"""What `make torture` counts."""

import statistics
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Tally:
    """One row of the table."""

    fault: str
    tried: int = 0
    survived: int = 0
    lost: list[float] = field(default_factory=list)  # seconds of work
    remark: str = ""

    def row(self) -> str:
        lost = self.remark
        if self.lost:
            lost = f"work: median {statistics.median(self.lost):.1f} s, at most {max(self.lost):.1f} s {self.remark}".strip()
        return f"| {self.fault} | {self.tried} | {self.survived} | {lost or 'nothing'} |"


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
