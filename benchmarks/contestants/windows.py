"""Stretches of time in which a contestant works, one after the other with the others: the side of the contestant.

A contestant is a process of its own. When it is ready it prints a line of JSON with facts about itself; for each
line on its standard input, a number of seconds, it works for as long as that, at least one step, and prints
`[images, seconds]`. In between it sleeps. When its input ends, so does it.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

WARM_UP = 2  # steps that compile


class Windows:
    """`after_step` is called after every step of `images` images, and returns when there is work again."""

    def __init__(self, images: int, warm_up: int = WARM_UP, **facts: Any) -> None:
        self._images, self._warm_up, self._facts = images, warm_up, facts
        self._steps, self._end = 0, 0.0
        self._began: float | None = None  # while it warms up
        self.slept = 0.0  # seconds

    def after_step(self) -> None:
        """Raises KeyboardInterrupt at the end."""
        self._steps += 1
        now = time.monotonic()
        if self._began is None:
            if self._steps == self._warm_up:
                self._next(self._facts)
        elif now >= self._end:
            self._next([self._steps * self._images, now - self._began])

    def _next(self, answer: Any) -> None:
        print(json.dumps(answer), flush=True)
        asleep = time.monotonic()
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        self._began, self._steps = time.monotonic(), 0
        self.slept += self._began - asleep
        self._end = self._began + float(line)


def serve(step: Callable[[], Any], images: int, **facts: Any) -> None:
    """Work in windows until the input ends."""
    windows = Windows(images, **facts)
    with suppress(KeyboardInterrupt):
        while True:
            step()
            windows.after_step()
