"""A table as PowerPoint has them: how wide its columns are, on how many slides its lines go, how it is drawn."""

from dataclasses import dataclass, field
from typing import Any

from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches, Pt

from alexvgg.reporting.presentation import style
from alexvgg.reporting.presentation.style import Box

PLAIN = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # PowerPoint's name for a table without lines and fills
BESIDE, ABOVE = 0.1, 0.06  # inches between a cell's text and its edges
AIR = 0.3  # inches that a row may be higher than its text needs
LEAST_SHARE = 0.3  # of what a column of text needs
LEFT, RIGHT = "l", "r"
SCHEME = {style.INK: "tx1", style.GREY: "bg2"}


@dataclass(frozen=True)
class Table:
    """Headings and lines. `aligned` has a letter a column: `r` for numbers, `l` for text, which may be wrapped.

    Lines in `muted` are what others measured, those in `strong` what the title speaks of.
    """

    headings: list[str]
    lines: list[list[str]]
    aligned: str
    muted: frozenset[int] = field(default=frozenset())
    strong: frozenset[int] = field(default=frozenset())

    def part(self, first: int, last: int) -> "Table":
        """The lines from `first`, without `last`."""
        muted, strong = (frozenset(i - first for i in marked) for marked in (self.muted, self.strong))
        return Table(self.headings, self.lines[first:last], self.aligned, muted, strong)


def pages(table: Table, room: Box) -> list[Table]:
    """The table in parts that fit, of about the same length; what others measured stays with the line before."""
    if _fits(table, room, style.CELL):
        return [table]
    parts = _parts(table, room, len(table.lines))
    even = _parts(table, room, -(-len(table.lines) // len(parts)))
    return even if len(even) == len(parts) else parts


def _parts(table: Table, room: Box, most: int) -> list[Table]:
    """Parts of at most so many lines."""
    parts, first = [], 0
    for last in range(2, len(table.lines) + 1):
        if last - 1 == first or (last - first <= most and _fits(table.part(first, last), room, style.CELL)):
            continue
        start = last - 1
        while start - 1 > first and start in table.muted:
            start -= 1
        parts.append(table.part(first, start))
        first = start
    return [*parts, table.part(first, len(table.lines))]


def height(table: Table, room: Box, largest: int = style.CELLS[0]) -> float:
    """Of a table that fits, in inches, in letters of at most this size."""
    size = _size(table, room, largest)
    return sum(_airy(_heights(table, _widths(table, room.width, size), size), room))


def draw(slide: Any, table: Table, room: Box, description: str, largest: int = style.CELLS[0]) -> None:
    """Put it on a slide, as large as it fits."""
    size = _size(table, room, largest)
    widths = _widths(table, room.width, size)
    heights = _airy(_heights(table, widths, size), room)
    edges = map(Inches, (room.left, room.top, sum(widths), sum(heights)))
    frame = slide.shapes.add_table(len(heights), len(widths), *edges)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", description)
    drawn = frame.table
    drawn.horz_banding = False
    drawn._tbl.tblPr.find(qn("a:tableStyleId")).text = PLAIN
    for column, one in zip(drawn.columns, widths, strict=True):
        column.width = Inches(one)
    for place, (row, cells) in enumerate(zip(drawn.rows, [table.headings, *table.lines], strict=True)):
        row.height = Inches(heights[place])
        for cell, text, aligned in zip(row.cells, cells, table.aligned, strict=True):
            _cell(cell, text, aligned, size, *_look(table, place - 1))


def _look(table: Table, line: int) -> tuple[Any, bool]:
    """Colour, and whether it is bold; -1 is the headings."""
    if line in table.strong:
        return style.ACCENT, True
    return (style.MUTED, line < 0) if line < 0 or line in table.muted else (style.INK, False)


def _cell(cell: Any, text: str, aligned: str, size: int, color: Any, bold: bool) -> None:
    cell.margin_left = cell.margin_right = Inches(BESIDE)
    cell.margin_top = cell.margin_bottom = Inches(ABOVE)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.text = style.signed(text)
    for paragraph in cell.text_frame.paragraphs:
        paragraph.alignment = PP_ALIGN.RIGHT if aligned == RIGHT else PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.bold = Pt(size), bold
        paragraph.font.color.theme_color = color
    heading = bold and color == style.MUTED
    line = (
        f'<a:lnB {nsdecls("a")} w="{19050 if heading else 9525}"><a:solidFill>'
        f'<a:schemeClr val="{SCHEME[style.INK if heading else style.GREY]}"/></a:solidFill></a:lnB>'
    )
    cell._tc.get_or_add_tcPr().insert(0, parse_xml(line))


def _size(table: Table, room: Box, largest: int) -> int:
    return next((size for size in style.CELLS if size <= largest and _fits(table, room, size)), style.CELL)


def _fits(table: Table, room: Box, size: int) -> bool:
    widths = _widths(table, room.width, size)
    within = sum(widths) <= room.width + 1e-6
    return within and sum(_heights(table, widths, size)) <= room.height


def _widths(table: Table, room: float, size: int) -> list[float]:
    """Numbers are never wrapped, nor are words broken. What is left over goes to the columns that want it."""
    natural = _natural(table, size, "\n")
    if sum(natural) <= room:
        return [one * room / sum(natural) for one in natural]
    words = _natural(table, size, None)
    least = [word if letter == LEFT else one for one, word, letter in zip(natural, words, table.aligned, strict=True)]
    spare, wanted = room - sum(least), sum(natural) - sum(least)
    if spare < 0:
        return _broken(least, table.aligned, room) if size == style.CELL else least
    return [low + (high - low) * spare / wanted if wanted else low for low, high in zip(least, natural, strict=True)]


def _broken(least: list[float], aligned: str, room: float) -> list[float]:
    """Letters do not become smaller than a cell's: words are broken, numbers only where nothing else is left."""
    numbers = sum(one for one, letter in zip(least, aligned, strict=True) if letter != LEFT)
    share = (room - numbers) / (sum(least) - numbers) if sum(least) > numbers else 0.0
    if share < LEAST_SHARE:
        return [one * room / sum(least) for one in least]
    return [one * share if letter == LEFT else one for one, letter in zip(least, aligned, strict=True)]


def _natural(table: Table, size: int, separator: str | None) -> list[float]:
    """By column, the width of its longest line, or of its longest word."""
    found = [0.0] * len(table.headings)
    for place, cells in enumerate([table.headings, *table.lines]):
        bold = place == 0 or place - 1 in table.strong
        for column, text in enumerate(cells):
            parts = [style.width(part, size, bold) for part in text.split(separator)] or [0.0]
            found[column] = max(found[column], max(parts) + 2 * BESIDE + 0.05)
    return found


def _heights(table: Table, widths: list[float], size: int) -> list[float]:
    found = []
    for place, cells in enumerate([table.headings, *table.lines]):
        bold = place == 0 or place - 1 in table.strong
        rooms = [one - 2 * BESIDE for one in widths]
        lines = max(style.wrapped(text, size, room, bold) for text, room in zip(cells, rooms, strict=True))
        found.append(lines * style.LINE * size / 72 + 2 * ABOVE)
    return found


def _airy(heights: list[float], room: Box) -> list[float]:
    """Rows are higher where there is room for it."""
    spare = (room.height - sum(heights)) / len(heights)
    return [one + max(0.0, min(AIR, spare)) for one in heights]
