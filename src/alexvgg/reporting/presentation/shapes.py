"""Texts and blocks of colour: PowerPoint's own shapes, without the frames and shadows that they begin with."""

from typing import Any

from pptx.enum.shapes import MSO_SHAPE
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from alexvgg.reporting.presentation import master
from alexvgg.reporting.presentation.style import Box


def write(parent: Any, box: Box, text: str, size: int, color: Any, bold: bool = False) -> None:
    """A text in a slide or a group."""
    shape = parent.shapes.add_textbox(*map(Inches, (box.left, box.top, box.width, box.height)))
    master.flush(shape.text_frame)
    shape.text_frame.text = text
    for paragraph in shape.text_frame.paragraphs:
        paragraph.font.size, paragraph.font.bold, paragraph.font.color.theme_color = Pt(size), bold, color


def block(parent: Any, box: Box, color: Any) -> Any:
    """A rectangle of one colour, in a slide or a group."""
    shape = parent.shapes.add_shape(MSO_SHAPE.RECTANGLE, *map(Inches, (box.left, box.top, box.width, box.height)))
    shape._element.remove(shape._element.find(qn("p:style")))
    shape.fill.solid()
    shape.fill.fore_color.theme_color = color
    shape.line.fill.background()
    return shape
