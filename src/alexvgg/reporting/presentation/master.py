"""An empty deck in this design: a theme, a master, three layouts, and no date that differs between two runs."""

import io
import zipfile
from datetime import datetime
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER as KIND
from pptx.opc.constants import RELATIONSHIP_TYPE as RELATED
from pptx.opc.oxml import serialize_part_xml
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.util import Inches

from alexvgg.reporting.palette import COLORS
from alexvgg.reporting.presentation import style
from alexvgg.reporting.presentation.style import BODY, FOOT, HEAD, HEX, Box

COVER, CONTENT, TITLE_ONLY = "Title Slide", "Title and Content", "Title Only"  # the layouts of the library that stay
EPOCH = (2000, 1, 1, 0, 0, 0)  # the date of everything in the file, so that the same report has the same bytes
SCHEME = {"dk1": style.INK, "lt1": style.WHITE, "dk2": style.MUTED, "lt2": style.GREY, "accent1": style.ACCENT}
NUMBER_WIDTH = 1.0
COVER_TITLE, COVER_TEXT = Box(1.2, 1.6, 11.2, 2.0), Box(1.2, 4.0, 11.2, 1.9)


def blank(title: str) -> Any:
    """A presentation without slides."""
    made = Presentation()
    made.slide_width, made.slide_height = Inches(style.WIDTH), Inches(style.HEIGHT)
    properties = made.core_properties
    properties.title, properties.author, properties.last_modified_by = title, "alexvgg", "alexvgg"
    properties.comments = ""
    properties.created = properties.modified = datetime(*EPOCH)
    _without_leftovers(made)
    _theme(made.slide_master.part.part_related_by(RELATED.THEME))
    _text_styles(made.slide_master)
    for layout in list(made.slide_layouts):
        if layout.name not in (COVER, CONTENT, TITLE_ONLY):
            made.slide_layouts.remove(layout)
    for one in (made.slide_master, *made.slide_layouts):
        _places(one)
    _cover(made.slide_layouts.get_by_name(COVER))
    return made


def content(made: Any) -> bytes:
    """The file. Its members have no date and are not compressed: both would differ between runs or versions."""
    written, dateless = io.BytesIO(), io.BytesIO()
    made.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(dateless, "w") as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, EPOCH), source.read(name))
    return dateless.getvalue()


def put(shape: Any, box: Box) -> None:
    """Move a shape to a place."""
    shape.left, shape.top, shape.width, shape.height = map(
        Inches, (box.left, box.top, box.width, box.height)
    )  # fmt: skip


def _without_leftovers(made: Any) -> None:
    """The library's template has the thumbnail, the printer and the properties of another deck."""
    for part, kinds in (
        (made.part.package, (RELATED.THUMBNAIL, RELATED.EXTENDED_PROPERTIES)),
        (made.part, (RELATED.PRINTER_SETTINGS,)),
    ):
        relations = part._rels
        for name in [name for name, one in relations.items() if one.reltype in kinds]:
            relations.pop(name)


def _theme(part: Any) -> None:
    theme = parse_xml(part.blob)
    others = {f"accent{place}": color[1:].upper() for place, color in enumerate(COLORS[1:6], start=2)}
    for name, value in ({name: HEX[color] for name, color in SCHEME.items()} | others).items():
        [color] = theme.iter(qn(f"a:{name}"))
        for old in list(color):
            color.remove(old)
        color.append(color.makeelement(qn("a:srgbClr"), {"val": value}))
    for kind in ("a:majorFont", "a:minorFont"):
        [font] = theme.iter(qn(kind))
        font.find(qn("a:latin")).set("typeface", style.FONT)
    part._blob = serialize_part_xml(theme)


def _text_styles(master: Any) -> None:
    """Sizes of titles and of the five levels of text, for slides that somebody adds."""
    [title] = master._element.iter(qn("p:titleStyle"))
    first = title.find(qn("a:lvl1pPr"))
    first.set("algn", "l")
    _sized(first, style.TITLE).set("b", "1")
    [body] = master._element.iter(qn("p:bodyStyle"))
    for level in list(body)[:5]:
        _sized(level, style.TEXT)


def _sized(level: Any, size: int) -> Any:
    font = level.find(qn("a:defRPr"))
    font.set("sz", str(100 * size))
    return font


def _places(one: Any) -> None:
    """Title, text, footer and number of a master or a layout; dates go."""
    number = Box(FOOT.left + FOOT.width - NUMBER_WIDTH, FOOT.top, NUMBER_WIDTH, FOOT.height)
    places = {KIND.TITLE: HEAD, KIND.BODY: BODY, KIND.OBJECT: BODY, KIND.SLIDE_NUMBER: number}
    places[KIND.FOOTER] = Box(FOOT.left, FOOT.top, FOOT.width - NUMBER_WIDTH, FOOT.height)
    for shape in list(one.placeholders):
        kind = shape.placeholder_format.type
        if kind == KIND.DATE:
            shape._element.getparent().remove(shape._element)
        elif kind in places:
            put(shape, places[kind])
            flush(shape.text_frame, top=kind == KIND.TITLE)
        if kind == KIND.FOOTER:
            for level in shape._element.iter(qn("a:lvl1pPr")):
                level.set("algn", "l")


def flush(frame: Any, top: bool = True) -> None:
    """A text without margins, that stays at its size."""
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    properties = frame._txBody.bodyPr
    for fit in list(properties):
        properties.remove(fit)
    properties.set("wrap", "square")
    properties.set("anchor", "t" if top else "ctr")


def _cover(layout: Any) -> None:
    """White on ink."""
    layout.background.fill.solid()
    layout.background.fill.fore_color.theme_color = style.INK
    for shape in list(layout.placeholders):
        kind = shape.placeholder_format.type
        if kind in (KIND.FOOTER, KIND.SLIDE_NUMBER):
            shape._element.getparent().remove(shape._element)
            continue
        heading = kind == KIND.CENTER_TITLE
        put(shape, COVER_TITLE if heading else COVER_TEXT)
        flush(shape.text_frame)
        shape.text_frame._txBody.bodyPr.set("anchor", "b" if heading else "t")
        for level in shape._element.iter(qn("a:lvl1pPr")):
            level.set("algn", "l")
