"""How the deck looks: sizes, colours, type; and how much room a text takes. Lengths are in inches, type in points."""

import math
import re
import unicodedata
from dataclasses import dataclass

from pptx.enum.dml import MSO_THEME_COLOR as THEME

FONT = "Arial"  # Liberation Sans has the same widths, and takes its place where it is missing
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
TITLE, SMALLEST_TITLE, TEXT, CELL, SMALL = 30, 28, 18, 16, 14
CELLS = (20, 18, CELL)  # of a table, as large as it fits

# The theme's colours, by which every text and shape is drawn: to change one in PowerPoint changes the whole deck.
INK, MUTED, ACCENT, GREY, WHITE = THEME.TEXT_1, THEME.TEXT_2, THEME.ACCENT_1, THEME.BACKGROUND_2, THEME.BACKGROUND_1
HEX = {INK: "1B2430", MUTED: "55616D", ACCENT: "0072B2", GREY: "E6EBF0", WHITE: "FFFFFF"}

LINE = 1.2  # the height of a line of text, in sizes
# Widths of characters, in sizes, at least those of Arial.
NARROW, SLIM, BROAD = set("fijlt I.,:;/!'|"), set('r-()[]"·'), set("mwMW%@—…")
BOLD = 1.09


@dataclass(frozen=True)
class Box:
    """A place on a slide."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def split(self, share: float, gap: float = 0.35) -> tuple["Box", "Box"]:
        """The left part, which is this share of it, and the right one."""
        width = self.width * share - gap / 2
        left = Box(self.left, self.top, width, self.height)
        return left, Box(self.left + width + gap, self.top, self.width - width - gap, self.height)

    def below(self, height: float, gap: float = 0.0) -> "Box":
        """What is left under its first `height` inches."""
        return Box(self.left, self.top + height + gap, self.width, self.height - height - gap)

    def first(self, height: float) -> "Box":
        """Its first `height` inches."""
        return Box(self.left, self.top, self.width, height)


KICKER = Box(MARGIN, 0.42, WIDTH - 2 * MARGIN, 0.28)
HEAD = Box(MARGIN, 0.74, WIDTH - 2 * MARGIN, 1.02)
BODY = Box(MARGIN, 1.95, WIDTH - 2 * MARGIN, 4.8)
FOOT = Box(MARGIN, 6.98, WIDTH - 2 * MARGIN, 0.26)


def width(text: str, size: float, bold: bool = False) -> float:
    """Of a line of text, in inches, or a little more."""
    return sum(map(_advance, text)) * (BOLD if bold else 1.0) * size / 72


def wrapped(text: str, size: float, room: float, bold: bool = False) -> int:
    """The number of lines that a text takes in so many inches."""
    return sum(_lines(line, size, room, bold) for line in text.split("\n"))


def height(text: str, size: float, room: float, bold: bool = False) -> float:
    """Of a text that is wrapped at so many inches."""
    return wrapped(text, size, room, bold) * LINE * size / 72


def shortened(text: str, size: float, room: float) -> str:
    """A text that takes one line, cut off if it has to be."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def abridged(name: str, size: float, room: float) -> str:
    """A name that fits, without its middle if it has to be: names of one roster begin alike."""
    kept = len(name)
    short = name
    while kept > 2 and width(short, size) > room:
        kept -= 1
        short = f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"
    return short


def signed(text: str) -> str:
    """With the sign that is as long as a plus, at which no line is broken; a number and its % stay together."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", text).replace(" %", "\u00a0%")


def _lines(line: str, size: float, room: float, bold: bool) -> int:
    lines, used, space = 1, 0.0, width(" ", size, bold)
    for word in line.split(" "):
        needed = width(word, size, bold)
        if used and used + space + needed > room:
            lines, used = lines + 1, 0.0
        used += needed + (space if used else 0.0)
        if used > room:  # a word that is broken
            lines += math.ceil(used / room) - 1
            used = room
    return lines


def _advance(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in NARROW:
        return 0.285
    if character in SLIM:
        return 0.36
    if character in BROAD:
        return 0.95 if character != "w" else 0.73
    return 0.72 if character.isupper() else 0.56
