"""The page as a browser shows it: a report of CIFAR-100's size, on a phone and on a screen, light and dark."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import records
from alexvgg.data.dataset import Split
from alexvgg.networks.counting import Layer
from alexvgg.reporting import page, pictures
from alexvgg.rows.history import Epoch
from test_comparisons import contents
from test_crops import description

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MODELS = {"alexnet": "alexnet", "alexnet_vgg": "alexnet_vgg", "vgg16": "vgg16"}
EPOCHS, IMAGES = 40, 10_000
GROUPS = {f"superclass_number_{i}": [f"class_{5 * i + j}_by_name" for j in range(5)] for i in range(20)}
CLASSES = [name for members in GROUPS.values() for name in members]
LAYERS = [
    Layer("InputLayer", [227, 227, 3], 0, 0),
    *[Layer("Conv2D 512, 3 × 3, same, relu", [side, side, 512], 9, 9) for side in (227, 113, 56, 28, 14, 7, 7, 7)],
    Layer("Flatten", [25_088], 0, 0),
    Layer("Dense 4096, relu", [4096], 9, 9),
    Layer("Dense 100", [100], 9, 9),
]
WRAPPER = """<!DOCTYPE html><body style="margin:0"><iframe src="probed.html" style="border:0;width:{width}px;height:900px"></iframe>
<pre id="found"></pre><script>addEventListener("message", (event) => {{ document.getElementById("found").textContent = event.data; }});
</script>"""


def trained(model: str, generator: np.random.Generator, labels: np.ndarray):
    """A row with a history of noise and answers that are right in half of the cases."""
    noise = generator.uniform(0, 0.05, (EPOCHS, 4))
    epochs = [
        Epoch(i, 67 if i < 9 else 227, 4 - i / 20 + a, i / 80 + b, 4 - i / 25 + c, i / 90 + d, 0.001)
        for i, (a, b, c, d) in enumerate(noise, start=1)
    ]
    said = np.where(generator.random(IMAGES) < 0.5, labels, generator.integers(0, 100, IMAGES))
    names, sure = np.array(CLASSES), generator.uniform(0.02, 1, IMAGES)
    answers = pd.DataFrame({"label": names[labels], "answer": names[said], "confidence": sure, "rank": 1})
    known = records.row(model)
    return replace(
        known,
        history=records.history(*epochs),
        answers=answers,
        evaluation=known.evaluation.model_copy(update={"layers": LAYERS}),
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A page of 100 classes, three models and 40 epochs. Its images are noise: no photograph is a larger file."""
    folder, generator = tmp_path_factory.mktemp("report"), np.random.default_rng(0)
    images = generator.integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    test = Split(images, generator.permutation(np.repeat(np.arange(100, dtype=np.int32), IMAGES // 100)))
    described = description(32).model_copy(update={
        "source": "cifar100", "title": "CIFAR-100", "classes": CLASSES, "superclasses": GROUPS,
        "images": {"train": 45_000, "val": 5_000, "test": IMAGES}, "sha256": {name: "0" * 64 for name in ("train", "val", "test")},
    })  # fmt: skip
    made = contents(folder, [trained(model, generator, test.labels) for model in MODELS], described)
    pictures.crops(made.pictures.crops, images[0], 256, 227, 0)
    pictures.montage(made.pictures.montage, test, described)
    path = folder / "index.html"
    path.write_text(page.html(made, test), encoding="utf-8")
    return path


def test_the_page_has_at_most_three_megabytes(report):
    assert report.stat().st_size <= 3_000_000


def used(report: Path, profile: Path, width: int, dark: bool) -> dict:
    """What the probe says of the page in a window of this width."""
    text = report.read_text(encoding="utf-8")
    probe = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
    report.with_name("probed.html").write_text(f"{text}<script>{probe}</script>", encoding="utf-8")
    around = report.with_name("around.html")
    around.write_text(WRAPPER.format(width=width), encoding="utf-8")
    scheme = 0 if dark else 1  # Chromium's numbers
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--window-size=1400,1000",
               f"--blink-settings=preferredColorScheme={scheme}", "--virtual-time-budget=60000", "--dump-dom", around.as_uri()]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=180).stdout
    [found] = re.findall(r'<pre id="found">(.+?)</pre>', shown, re.DOTALL)
    return json.loads(html.unescape(found))


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here")
@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)], ids=["phone", "dark"])
def test_the_page_in_a_browser(report, tmp_path, width, dark):
    found = used(report, tmp_path / "browser", width, dark)
    assert found["ready"], "the page's JavaScript did not come to its end"
    assert found["dark"] is dark
    assert found["fetched"] == []
    assert found["width"][0] == found["width"][1]  # nothing sticks out to the right
    assert found["texts"] > 1000 and found["faint"] == [] and found["faintMarks"] == 0
    assert found["small"] == []
    assert found["unfocused"] == [] and found["first"] == "Skip to the results" and found["nameless"] == 0
    # alexnet off and on again
    assert found["lines"] == [6, 4, 6]
    assert found["spots"][0] > 0 and found["spots"][1] == 0 and found["boxes"] == [False] * 3
    # the third epoch by the slider, then the last by the pointer
    rows = re.findall(r"<tr><th scope=\"row\">3</th>(.*?)</tr>", report.read_text(encoding="utf-8"))
    assert found["readout"] == ["alexnet", *re.findall("<td>(.*?)</td>", rows[0])]
    assert found["hovered"] == str(EPOCHS)
