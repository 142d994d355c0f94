"""The slides of a deck: a title that is its message, and below it text, a table, a picture or a drawing."""

import copy
import io
from typing import Any

from pptx.enum.shapes import PP_PLACEHOLDER as KIND
from pptx.util import Inches, Pt

from alexvgg.reporting.presentation import master, shapes, style, tables
from alexvgg.reporting.presentation.style import BODY, HEAD, KICKER, Box
from alexvgg.reporting.presentation.tables import Table

COVER_SIZES = (44, 40, 36, 32, 28)


class Deck:
    """A presentation to which slides are added; `footer` is on all but the first."""

    def __init__(self, title: str, footer: str) -> None:
        self._made, self._footer = master.blank(title), footer

    def cover(self, title: str, lines: list[str], source: str) -> None:
        """The first slide."""
        slide = self._made.slides.add_slide(self._made.slide_layouts.get_by_name(master.COVER))
        heading, text = slide.placeholders
        heading.text, text.text = title, "\n".join(lines)
        room = master.COVER_TITLE.width
        size = next((size for size in COVER_SIZES if style.wrapped(title, size, room, bold=True) <= 2), COVER_SIZES[-1])
        heading.text_frame.paragraphs[0].font.size = Pt(size)
        heading.text_frame.paragraphs[0].font.color.theme_color = style.WHITE
        for paragraph in text.text_frame.paragraphs:
            paragraph.font.size, paragraph.font.color.theme_color = Pt(20), style.GREY
            paragraph.space_after = Pt(6)
        top, bottom = master.COVER_TITLE.top, master.COVER_TEXT.bottom
        shapes.block(slide, Box(0.75, top, 0.12, bottom - top), style.ACCENT)
        slide.notes_slide.notes_text_frame.text = source

    def slide(self, kicker: str, titles: list[str], source: str) -> Any:
        """A slide with the longest of the titles that fits; `source` says in the notes where its numbers are from."""
        slide = self._made.slides.add_slide(self._made.slide_layouts.get_by_name(master.TITLE_ONLY))
        title, size = _fitting(titles)
        slide.shapes.title.text = title
        slide.shapes.title.text_frame.paragraphs[0].font.size = Pt(size)
        shapes.write(slide, KICKER, kicker, style.SMALL, style.ACCENT, bold=True)
        self._repeat(slide)
        slide.notes_slide.notes_text_frame.text = source
        return slide

    def table(self, kicker: str, titles: list[str], table: Table, note: str, source: str) -> None:
        """A table, on as many slides as it takes, with a note under each part."""
        below = style.height(note, style.SMALL, BODY.width) + 0.25 if note else 0.0
        room = BODY.first(BODY.height - below)
        parts = tables.pages(table, room)
        largest = style.CELLS[0] if len(parts) == 1 else style.CELL
        for number, part in enumerate(parts, start=1):
            which = f"{kicker} · {number} of {len(parts)}" if len(parts) > 1 else kicker
            slide = self.slide(which, titles, source)
            tables.draw(slide, part, room, titles[-1], largest)
            if note:
                self.note(slide, note, BODY.below(tables.height(part, room, largest), gap=0.2))

    def picture(self, slide: Any, png: bytes, box: Box, description: str) -> None:
        """A picture of exactly this size, with a text for those who do not see it."""
        shown = slide.shapes.add_picture(io.BytesIO(png), *map(Inches, (box.left, box.top, box.width, box.height)))
        shown._element.nvPicPr.cNvPr.set("descr", description)

    def note(self, slide: Any, text: str, box: Box) -> None:
        """Small print."""
        shapes.write(slide, box.first(style.height(text, style.SMALL, box.width)), text, style.SMALL, style.MUTED)

    def panel(self, slide: Any, label: str, text: str, box: Box) -> None:
        """A text on grey, with its label."""
        shapes.block(slide, box, style.GREY)
        shapes.block(slide, Box(box.left, box.top, 0.08, box.height), style.ACCENT)
        inside = Box(box.left + 0.3, box.top + 0.12, box.width - 0.5, box.height - 0.2)
        shapes.write(slide, inside.first(0.26), label, style.SMALL, style.MUTED, bold=True)
        shapes.write(slide, inside.below(0.28), text, style.TEXT, style.INK)

    def content(self) -> bytes:
        """The file: equal for equal slides."""
        return master.content(self._made)

    def _repeat(self, slide: Any) -> None:
        """The footer and the slide's number, which the library does not take over from the layout."""
        for placeholder in slide.slide_layout.placeholders:
            kind = placeholder.placeholder_format.type
            if kind not in (KIND.FOOTER, KIND.SLIDE_NUMBER):
                continue
            element = copy.deepcopy(placeholder._element)
            element.nvSpPr.cNvPr.set("id", str(max(shape.shape_id for shape in slide.shapes) + 1))
            slide.shapes._spTree.append(element)
            if kind == KIND.FOOTER:
                slide.shapes[-1].text_frame.text = self._footer


def panel_height(text: str, width: float) -> float:
    """Of a panel of this width."""
    return style.height(text, style.TEXT, width - 0.5) + 0.55


def _fitting(titles: list[str]) -> tuple[str, int]:
    """The first title that takes two lines at most, and its size."""
    kept = [style.signed(title) for title in titles]
    for title in kept:
        for size in (style.TITLE, style.SMALLEST_TITLE):
            if style.wrapped(title, size, HEAD.width, bold=True) <= 2:
                return title, size
    return style.shortened(kept[-1], style.SMALLEST_TITLE, 1.7 * HEAD.width / style.BOLD), style.SMALLEST_TITLE
