"""The talk's result part as a deck of slides (PowerPoint's format)."""

import io
import math
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.util import Emu, Inches, Pt

from alexvgg.reporting import slide, table, talk
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.results import summarize
from alexvgg.system import files

WIDTH, HEIGHT, MARGIN = Inches(13.333), Inches(7.5), Inches(0.5)
TOP = Inches(1.35)  # below the title
TITLE_ONLY = 5  # of the library's own template
CHARACTER, LINE = 0.56, 1.3  # the width of one and the height of the other, in font sizes
EPOCH = (2000, 1, 1, 0, 0, 0)  # the date of everything in the file, so that the same report has the same bytes


def write(path: Path, contents: Contents) -> None:
    """Write the deck: results, curves, settings, networks, two pages for every comparison, the data."""
    deck, rows, pictures = _Deck(), contents.rows, contents.pictures
    results = summarize(rows)
    on_slide_data = contents.description.source == slide.DATA
    settings = table.settings(rows).replace("`", "").split("\n")
    deck.text(f"AlexNet + VGG: results of profile {contents.profile}", settings)
    deck.table("Results", *table.main_cells(results), table.footnote(results, rows))
    if on_slide_data and (beside := table.slide_cells(results)):
        deck.table("Beside the slide", table.BESIDE, beside)
    deck.picture("Curves", pictures.curves, "Loss and accuracy by epoch.")
    _networks(deck, contents)
    for comparison in contents.comparisons:
        title = f"{comparison.claim.slide}: {comparison.claim.title}"
        note = f"{comparison.claim.says} Measured: {comparison.measured}."
        deck.picture(title, pictures.comparisons / f"{comparison.name}.png", note)
        deck.table(title, talk.COMPARED, talk.comparison_cells(comparison), note)
    _data(deck, contents)
    with files.replacing(path, suffix=".pptx") as temporary:
        temporary.write_bytes(deck.content())


def _networks(deck: "_Deck", contents: Contents) -> None:
    """As counted, and a drawing of each architecture: of the first model that has it."""
    if drawn := talk.drawn_cells(contents.drawn):
        deck.table("Networks as the slides write them", talk.DRAWN, drawn)
    shown = set()
    for model, row in contents.first_of_model.items():
        architecture = row.summary.architecture
        if architecture not in shown:
            shown.add(architecture)
            title = f"{slide.DRAWINGS.get(architecture, 'Network')}: {model}"
            deck.picture(title, contents.pictures.networks / f"{model}.png", f"The layers of {model}.")


def _data(deck: "_Deck", contents: Contents) -> None:
    deck.picture("Fig 5: random crops", contents.pictures.crops, "One training image, resized, and crops of it.")
    deck.picture("Fig 12: images", contents.pictures.montage, "Training images of every class.")
    if contents.description.superclasses:
        deck.table("Fig 12: classes", talk.CLASSES, talk.class_cells(contents.description))


def _height(lines: list[str], size: int) -> float:
    """Of lines that are broken where the page ends."""
    return LINE * size * sum(math.ceil(len(line) * CHARACTER * size / (WIDTH - 2 * MARGIN)) for line in lines)


class _Deck:
    """Pages of three kinds: lines of text, a table, a picture."""

    def __init__(self) -> None:
        self._deck = Presentation()
        self._deck.slide_width, self._deck.slide_height = WIDTH, HEIGHT
        self._deck.core_properties.created = self._deck.core_properties.modified = datetime(*EPOCH)

    def text(self, title: str, lines: list[str]) -> None:
        lines, room = list(filter(None, lines)), HEIGHT - TOP - MARGIN
        sizes = [Pt(size) for size in range(16, 5, -1)]
        size = next((size for size in sizes if _height(lines, size) <= room), sizes[-1])
        self._note(self._page(title), "\n".join(lines), TOP, size, room)

    def table(self, title: str, headings: list[str], lines: list[list[str]], note: str = "") -> None:
        page, rows = self._page(title), [headings, *lines]
        widths = [max(4, *(len(row[column]) for row in rows)) + 2 for column in range(len(headings))]
        below = Inches(1.0) if note else Emu(0)
        room = HEIGHT - TOP - MARGIN - below
        fitting = ((WIDTH - 2 * MARGIN) / (sum(widths) * CHARACTER), room / (len(rows) * 1.65), Pt(16))
        size = Emu(int(min(fitting)))
        frame = page.shapes.add_table(len(rows), len(headings), MARGIN, TOP, WIDTH - 2 * MARGIN, int(size * 1.6))
        for column, width in zip(frame.table.columns, widths, strict=True):
            column.width = int((WIDTH - 2 * MARGIN) * width / sum(widths))
        for row, cells in zip(frame.table.rows, rows, strict=True):
            row.height = int(size * 1.6)
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
                cell.margin_top = cell.margin_bottom = int(size * 0.15)
                cell.margin_left = cell.margin_right = int(size * 0.4)
                cell.text_frame.paragraphs[0].font.size = size
        if note:
            self._note(page, note, HEIGHT - MARGIN - below, Pt(12), below)

    def picture(self, title: str, path: Path, note: str) -> None:
        page = self._page(title)
        below = Inches(0.7)
        shown = page.shapes.add_picture(str(path), MARGIN, TOP)
        scale = min((WIDTH - 2 * MARGIN) / shown.width, (HEIGHT - TOP - MARGIN - below) / shown.height)
        shown.width, shown.height = int(shown.width * scale), int(shown.height * scale)
        shown.left = (WIDTH - shown.width) // 2
        shown._element.nvPicPr.cNvPr.set("descr", note)
        self._note(page, note, HEIGHT - MARGIN - below, Pt(12), below)

    def content(self) -> bytes:
        """The file. Its members have no date and are not compressed: both would differ between runs or versions."""
        made, dateless = io.BytesIO(), io.BytesIO()
        self._deck.save(made)
        with zipfile.ZipFile(made) as source, zipfile.ZipFile(dateless, "w") as target:
            for name in source.namelist():
                target.writestr(zipfile.ZipInfo(name, EPOCH), source.read(name))
        return dateless.getvalue()

    def _page(self, title: str) -> Any:
        page = self._deck.slides.add_slide(self._deck.slide_layouts[TITLE_ONLY])
        shape = page.shapes.title
        shape.left, shape.top, shape.width, shape.height = MARGIN, Inches(0.3), WIDTH - 2 * MARGIN, Inches(0.9)
        shape.text = title
        shape.text_frame.paragraphs[0].font.size = Pt(28)
        return page

    @staticmethod
    def _note(page: Any, text: str, top: int, size: int, height: int) -> None:
        box = page.shapes.add_textbox(MARGIN, top, WIDTH - 2 * MARGIN, height)
        box.text_frame.word_wrap = True
        box.text_frame.text = text
        for paragraph in box.text_frame.paragraphs:
            paragraph.font.size = size
