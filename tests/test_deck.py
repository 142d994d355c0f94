"""The deck: what its slides say, that it can be read, and that nothing runs out of its place."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER

from alexvgg.data.dataset import Split
from alexvgg.networks.counting import Layer
from alexvgg.reporting import comparisons, deck, effort
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.presentation import chart, facts, network, sentences, style, tables, verdicts
from alexvgg.reporting.presentation.style import BODY
from alexvgg.reporting.presentation.tables import Table
from alexvgg.reporting.results import summarize
from test_comparisons import contents, everything, variant  # noqa: F401 - a fixture
from test_crops import description

VGG = [
    Layer("InputLayer", [32, 32, 3], 0, 0), Layer("Conv2D 64, 3 × 3, same, relu", [32, 32, 64], 1_792, 1),
    Layer("BatchNormalization", [32, 32, 64], 256, 0), Layer("MaxPooling2D 2 × 2, strides 2", [16, 16, 64], 0, 0),
    Layer("Conv2D 128, 3 × 3, same, relu", [16, 16, 128], 73_856, 1), Layer("Flatten", [32_768], 0, 0),
    Layer("Dense 4096, relu", [4096], 134_221_824, 1), Layer("Dropout 0.5", [4096], 0, 0),
    Layer("Dense 100", [100], 409_700, 1),
]  # fmt: skip
OFFICE = shutil.which("soffice") and shutil.which("pdftotext")


def with_layers(row, layers):
    return replace(row, evaluation=row.evaluation.model_copy(update={"layers": layers}))


def images(described) -> Split:
    labels = np.arange(3 * len(described.classes)) % len(described.classes)
    return Split(np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 3), dtype=np.uint8), labels)


@pytest.fixture
def ablations(everything):  # noqa: F811
    rows = [with_layers(row, VGG) for row in everything.rows]
    return replace(everything, rows=rows)


@pytest.fixture
def own(tmp_path):
    """Networks and images of somebody's own: long names, many models, layers of unknown kinds, a training stopped."""
    described = description(8).model_copy(update={
        "title": "my photographs", "source": "folder", "classes": ["고양이", "a dog that has a rather long name"],
        "images": {"train": 900, "val": 100, "test": 200}, "superclasses": {},
    })  # fmt: skip
    data = {"source": "folder", "title": "my photographs", "architecture": "my_own", "images": described.images}
    layers = [Layer(f"MyBlock{i}", [8, 8, i + 1], i, None) for i in range(60)]
    names = [f"my_network_with_{'quite_' * 5}a_long_name_{i:02d}" for i in range(16)]
    rows = [
        variant(
            name, seed, 0.3 + i / 100 + seed / 300, recipe={"learning_rate": 0.001 * (i + 1), "stop_after": 3}, **data
        )
        for i, name in enumerate(names)
        for seed in (0, 1)
    ]
    made = contents(tmp_path, [], described)
    rows = [with_layers(row, layers) for row in rows]
    return replace(
        made,
        profile="own",
        rows=rows,
        efforts=effort.efforts(rows),
        drawn={},
        comparisons=comparisons.comparisons(rows),
    )


def made(found: Contents, tmp_path):
    deck.write(tmp_path / "deck.pptx", found, images(found.description))
    return Presentation(str(tmp_path / "deck.pptx"))


def titles(presentation) -> list[str]:
    return [page.shapes.title.text for page in presentation.slides]


def flat(shapes):
    for shape in shapes:
        yield shape
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from flat(shape.shapes)


def test_the_same_report_has_the_same_bytes(ablations, tmp_path):
    made(ablations, tmp_path)
    first = (tmp_path / "deck.pptx").read_bytes()
    properties = made(ablations, tmp_path).core_properties
    assert (tmp_path / "deck.pptx").read_bytes() == first
    assert (properties.author, properties.last_modified_by) == ("alexvgg", "alexvgg")


def test_every_title_is_the_message_of_its_slide(ablations, tmp_path):
    presentation = made(ablations, tmp_path)
    said = titles(presentation)
    assert said[:2] == ["AlexNet + VGG: results on Test", "Val_ACC is above the talk's for alexnet (+0.0618)"]
    assert any(title.startswith("ReLU and tanh: the claim held, 1.") for title in said)
    assert "alexnet: 134,707,428 parameters, 99.9\u00a0% in dense layers" in said
    assert "The 100 classes are in 20 superclasses of 5" in said
    cells = [
        cell.text
        for page in presentation.slides
        for one in page.shapes
        if one.has_table
        for cell in one.table.iter_cells()
    ]
    assert {"   the talk", "58,696,548", "0.4432", "0.5050 ± 0.0071", "held"} <= set(cells)


def test_what_is_not_the_talks_is_not_called_so(own, tmp_path):
    presentation = made(own, tmp_path)
    assert titles(presentation)[0] == "Results on my photographs"
    text = " ".join(
        one.text_frame.text for page in presentation.slides for one in flat(page.shapes) if one.has_text_frame
    )
    assert "AlexNet" not in text and "of the talk" not in text and "the talk's" not in text
    cells = [
        cell.text
        for page in presentation.slides
        for one in page.shapes
        if one.has_table
        for cell in one.table.iter_cells()
    ]
    assert "   the talk" not in cells
    assert any("not trained to the end" in cell for cell in cells)
    assert "51 more layers" in cells


@pytest.mark.parametrize("which", ["ablations", "own"])
def test_it_can_be_read_and_stays_in_its_places(which, tmp_path, request):
    presentation = made(request.getfixturevalue(which), tmp_path)
    for number, page in enumerate(presentation.slides, start=1):
        assert page.notes_slide.notes_text_frame.text.startswith("From ")
        kinds = [one.placeholder_format.type for one in page.placeholders]
        assert number == 1 or {PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER} < set(kinds)
        for shape in flat(page.shapes):
            assert shape.left >= 0 and shape.left + shape.width <= presentation.slide_width
            assert shape.top >= 0 and shape.top + shape.height <= presentation.slide_height
            if shape.shape_type == MSO_SHAPE_TYPE.PICTURE:
                assert shape._element.nvPicPr.cNvPr.get("descr")
            paragraphs = [] if not shape.has_text_frame or shape.is_placeholder else shape.text_frame.paragraphs
            assert all(paragraph.font.size.pt >= style.SMALL for paragraph in paragraphs if paragraph.text)
            for cell in shape.table.iter_cells() if shape.has_table else ():
                assert all(paragraph.font.size.pt >= style.CELL for paragraph in cell.text_frame.paragraphs)
        if page.shapes.title is not None:
            assert page.shapes.title.text_frame.paragraphs[0].font.size.pt >= style.SMALLEST_TITLE


@pytest.mark.skipif(not OFFICE, reason="LibreOffice draws it, poppler reads it")
@pytest.mark.parametrize("which", ["ablations", "own"])
def test_nothing_overflows_as_libreoffice_draws_it(which, tmp_path, request):
    """Only the footer is below the slide's body, every word is within the margins, and letters are Arial's."""
    presentation = made(request.getfixturevalue(which), tmp_path)
    office = ["soffice", f"-env:UserInstallation=file://{tmp_path}/office", "--headless", "--convert-to", "pdf"]
    subprocess.run([*office, "--outdir", tmp_path, tmp_path / "deck.pptx"], check=True, capture_output=True)
    fonts = subprocess.run(["pdffonts", tmp_path / "deck.pdf"], check=True, capture_output=True, text=True).stdout
    if not re.search("Liberation|Arial", fonts):
        pytest.skip("there is no font with the widths of Arial's letters, such as Liberation Sans")
    subprocess.run(["pdftotext", "-bbox", tmp_path / "deck.pdf", tmp_path / "words"], check=True)
    pages = (tmp_path / "words").read_text().split("<page ")[1:]
    assert len(pages) == len(presentation.slides)
    for number, page in enumerate(pages, start=1):
        words = re.findall(r'xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>', page)
        assert words
        for *box, word in words:
            left, top, right, bottom = (float(edge) / 72 for edge in box)
            assert left > style.MARGIN - 0.02 and right < style.WIDTH - style.MARGIN + 0.02, (number, word)
            assert bottom < BODY.bottom + 0.03 or top > style.FOOT.top - 0.05, (number, word)
    assert not [line for line in fonts.splitlines()[2:] if "Carlito" in line or ("DejaVu" in line and which != "own")]


def test_a_table_is_continued_where_it_does_not_fit_and_numbers_are_not_broken():
    long = Table(
        ["Model", "Loss"], [[f"model {i}", "0.1234 ± 0.0012"] for i in range(25)], "lr", muted=frozenset({12, 13})
    )
    parts = tables.pages(long, BODY)
    assert [line for part in parts for line in part.lines] == long.lines
    assert len(parts) == 3 and max(len(part.lines) for part in parts) - min(len(part.lines) for part in parts) <= 3
    assert all(0 not in part.muted for part in parts)
    assert tables.pages(Table(["a"], [["b"]], "l"), BODY) == [Table(["a"], [["b"]], "l")]
    wide = Table(["Model", "Loss"], [["x" * 100, "0.1234 ± 0.0012"]], "lr")
    _, number = tables._widths(wide, BODY.width, style.CELL)
    assert number >= style.width("0.1234 ± 0.0012", style.CELL)


def test_a_network_in_columns():
    found = network.stages(VGG)
    assert [[box.text for box in stage.boxes] for stage in found] == [
        ["Conv 64\n3 × 3, batch norm", "Max pool\n2 × 2, strides 2"], ["Conv 128\n3 × 3"], ["Dense 4096", "Dense 100"],
    ]  # fmt: skip
    assert [stage.output for stage in found] == [[16, 16, 64], [16, 16, 128], [100]]
    assert sum(stage.parameters for stage in found) == sum(layer.parameters for layer in VGG)
    assert network.fits(found, BODY)
    deep = network.stages([VGG[1]] * 20)
    assert not network.fits(deep, BODY)
    [stage] = network.collapsed(deep)
    assert stage.boxes[0].text == "Conv 64, 20 times\n3 × 3" and network.fits([stage], BODY)


def test_sentences_are_true_for_other_numbers():
    def said(*accuracies, **changes):
        rows = [variant(f"m{i}", val_acc=acc, source="digits", **changes) for i, acc in enumerate(accuracies)]
        return sentences.results(summarize(rows), sentences.beside(summarize(rows)))[0]

    assert said(0.5) == "m0 comes to a Val_ACC of 0.5000"
    assert said(0.5, 0.4) == "m0 has the highest Val_ACC of 2 models: 0.5000"
    assert said(0.5, 0.5, 0.4) == "m0 and m1 share the highest Val_ACC: 0.5000"
    assert "m0 (not trained to the end)" in said(0.5, recipe={"stop_after": 3})
    talks = [variant(val_acc=0.4432), variant("alexnet_vgg", val_acc=0.5, architecture="alexnet_vgg")]
    beside = sentences.beside(summarize(talks))
    assert sentences.results(summarize(talks), beside)[0] == (
        "Val_ACC is equal to the talk's for alexnet and below it for alexnet_vgg (-0.0788)"
    )
    risen = variant(curve=(0.1, 0.05, 0.2))
    assert sentences.loss([risen]) == ["alexnet's validation loss is lowest after epoch 2 and higher at the end"]
    [one] = comparisons.comparisons([variant(), variant("plain", options={"normalization": "none"})])
    assert verdicts.comparison(one)[0].endswith("one seed each, so no verdict on the claim")
    assert facts.drawn([["alexnet", "", "", "1", "2", "no", ""]])[0].endswith(
        "alexnet has other parameters than it prints"
    )


def test_texts_are_measured_and_cut():
    assert style.width("mmmm", 18) > style.width("iiii", 18)
    assert style.width("한", 18) == pytest.approx(18 / 72)
    assert style.wrapped("one two", 18, style.width("one two", 18)) == 1
    assert style.wrapped("one two", 18, style.width("one tw", 18)) == 2
    assert style.wrapped("x" * 100, 18, style.width("x" * 30, 18)) == 4
    assert style.width(style.shortened("x" * 100, 18, 2.0), 18) <= 2.0
    assert style.signed("top-5 by -0.5, 95 % of it") == "top-5 by −0.5, 95\u00a0% of it"


def test_names_at_the_ends_of_lines_are_a_line_apart():
    found = chart.apart({"a": 0.5, "b": 0.5, "c": 0.51, "d": 1.0}, 0.1, 0.0, 1.0)
    heights = sorted(found.values())
    assert min(np.diff(heights)) >= 0.1 - 1e-9 and found["d"] <= 1.0


def test_a_verdict_is_of_the_numbers_and_not_of_their_digits():
    found = comparisons.Difference(comparisons.Variant("a", "a", [0.5, 0.5]), 0.00124, 0.00116, None)
    assert f"{found.difference:.4f}" == found.half_width.removeprefix("± ")
    assert verdicts.beyond_chance(found) == verdicts.HIGHER
    assert verdicts.beyond_chance(replace(found, difference=-0.00124)) == verdicts.LOWER
    assert verdicts.beyond_chance(replace(found, difference=0.00115)) == verdicts.NO_VERDICT
