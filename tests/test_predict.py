"""`alexvgg predict`: the pipeline's own answers, for any image somebody names."""

import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import requests
from PIL import Image
from ruamel.yaml import YAML

import records
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.cli import given_images, predicting, trained
from alexvgg.data import arrays
from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.networks import registry
from alexvgg.pipeline import layout
from alexvgg.rows import answers, history
from alexvgg.system import files
from alexvgg.system.errors import DataError, ParamsError, TrackingError
from alexvgg.tracking import registered
from conftest import ROOT
from project import SMALL, Project
from test_cli import alexvgg
from test_documents import HOW_TO, Reader
from test_images import draw
from test_ui import free_port

SIDE = 8
CLASSES = [f"class {i}" for i in range(7)]


@pytest.fixture(scope="module")
def made(tf, tmp_path_factory) -> Path:
    """A project whose network `small` has weights and is evaluated on twelve images."""
    folder = tmp_path_factory.mktemp("made")
    small = ModuleType("small")
    small.__file__ = str(folder / "small.py")
    Path(small.__file__).write_text(SMALL)
    exec(compile(SMALL, small.__file__, "exec"), small.__dict__)
    quickstart = YAML(typ="safe", pure=True).load(ROOT / "profiles/quickstart.yaml")
    entry = {"architecture": "small", "crop": 16, "learning_rate": 1e-3}
    YAML().dump(quickstart | {"models": {"small": entry}, "seeds": [0, 4]}, folder / layout.PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "small", small)
        patch.setitem(registry.ARCHITECTURES, "small", small.ARCHITECTURE)
        patch.chdir(folder)
        evaluate(tf)
        yield folder


@pytest.fixture
def project(made, tmp_path, monkeypatch) -> Path:
    """A copy of it, in which the program is."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.chdir(folder)
    return folder


def evaluate(tf) -> None:
    """What `train` and `evaluate` leave behind."""
    from alexvgg.evaluation import run

    random = np.random.default_rng(0)
    split = Split(random.integers(0, 256, (12, SIDE, SIDE, 3), np.uint8), np.arange(12, dtype=np.int32) % 7)
    description = Description(
        source="digits", title="digits", archive_sha256="", classes=CLASSES, superclasses={}, side=SIDE, mean=[0.5] * 3,
        std=[0.25] * 3, resize=256, crop=227, images={}, sha256={"test": arrays.save(layout.SPLITS["test"], split)},
    )  # fmt: skip
    arrays.save_description(layout.DESCRIPTION, description)
    row = layout.row("quickstart", "small-0")
    tf.keras.utils.set_random_seed(0)
    row.weights.parent.mkdir(parents=True)
    registry.named("small").build(16, 7, {}).save_weights(row.weights)
    summary = records.summary(
        model="small", architecture="small", crop=16, options={"kernel_initializer": "glorot_uniform", "dropout": 0.5},
        recipe=records.recipe(batch_size=4), weights_sha256=files.sha256(row.weights),
        data={"description": files.sha256(layout.DESCRIPTION)},
    )  # fmt: skip
    summary.write(row.summary)
    history.write(row.history, [])
    with Checkpoints(Path("checkpoints/evaluation")) as checkpoints:
        _, given = run.evaluate(row, run.Data(split, split, description), 5, checkpoints)
    answers.write(row.answers, given)


def asked(capsys, *names: str, model: str | None = "small", seed: int | None = None, as_json: bool = True):
    predicting.predict(list(names), Path.cwd(), model, seed, as_json)
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out) if as_json else said.out


def save_test_images(folder: Path) -> int:
    images = arrays.load(layout.SPLITS["test"], arrays.load_description(layout.DESCRIPTION)).images
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:02}.png")
    return len(images)


def test_it_says_what_evaluate_said(project, capsys):
    count = save_test_images(Path("pictures"))
    found = asked(capsys, "pictures")
    given = answers.read(layout.row("quickstart", "small-0").answers)
    assert found["network"] == "small-0 of profile quickstart"
    assert [one["file"] for one in found["images"]] == [f"pictures/{i:02}.png" for i in range(count)]
    for image, (_, row) in zip(found["images"], given.iterrows(), strict=True):
        first, *others = image["classes"]
        assert first["class"] == row["answer"]
        assert first["probability"] == pytest.approx(row["confidence"], abs=2e-6)
        assert len(others) == 4
        assert [first, *others] == sorted([first, *others], key=lambda one: -one["probability"])
        if row["rank"] <= 5:
            assert image["classes"][row["rank"] - 1]["class"] == row["label"]


def test_the_table_has_the_same(project, capsys):
    save_test_images(Path("pictures"))
    said = asked(capsys, "pictures/00.png", "pictures/11.png", as_json=False).splitlines()
    found = asked(capsys, "pictures/00.png", "pictures/11.png")["images"]
    assert said[:3] == ["small-0 of profile quickstart", "", "file             probability  class"]
    assert [line.split()[0] for line in said[3::5]] == ["pictures/00.png", "pictures/11.png"]
    shown = [(line[len("pictures/00.png") :].split(maxsplit=1)) for line in said[3:]]
    expected = [[f"{one['probability']:.4f}", one["class"]] for image in found for one in image["classes"]]
    assert shown == expected


def test_many_images_are_each_answered_once(project, capsys, monkeypatch):
    count = save_test_images(Path("pictures"))
    at_once = asked(capsys, "pictures")
    monkeypatch.setattr(predicting, "BATCH", 5)
    by_five = asked(capsys, "pictures")
    assert len(by_five["images"]) == count
    for one, other in zip(at_once["images"], by_five["images"], strict=True):
        assert one["file"] == other["file"]
        assert [each["class"] for each in one["classes"]] == [each["class"] for each in other["classes"]]


def test_every_kind_of_image_is_answered(project, capsys):
    folder = Path("pictures")
    for name, mode in {
        "g.png": "L",
        "a.webp": "RGBA",
        "c.jpg": "CMYK",
        "p.gif": "P",
        "t.tiff": "RGB",
        "x.bmp": "RGB",
    }.items():
        draw(folder / name, mode=mode)
    Image.fromarray(np.full((9, 30), 40_000, np.uint16)).save(folder / "deep.png")
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "still.png")
    turned = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, 20, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned.save(folder / "turned.png", exif=exif)
    turned.transpose(Image.Transpose.ROTATE_270).save(folder / "upright.png")
    found = {Path(one["file"]).name: one["classes"] for one in asked(capsys, "pictures")["images"]}
    assert len(found) == 11
    assert found["moving.gif"] == found["still.png"]
    assert found["turned.png"] == found["upright.png"]


def test_a_folder_means_the_images_in_it_and_below(project):
    for name in ("b/2.png", "a/1.JPG", "0.gif", "b/.hidden/3.png", ".4.png"):
        draw(Path("pictures") / name)
    Path("pictures/readme.txt").write_text("of birds")
    Path("pictures/paper.pdf").write_text("of birds")
    found = given_images.inside("pictures", Path.cwd())
    assert found == ["pictures/0.gif", "pictures/a/1.JPG", "pictures/b/2.png"]


def test_paths_on_standard_input(project, capsys, monkeypatch):
    save_test_images(Path("pictures"))
    listed = b"pictures/03.png\n\npictures/01.png\r\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(listed)))
    assert [one["file"] for one in asked(capsys, "-")["images"]] == ["pictures/03.png", "pictures/01.png"]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says to have that many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


BAD = {
    "text": (b"Not an image.", "x.png is not an image that can be read (cannot identify image file)"),
    "empty": (b"", "x.png is empty; remove it, or save it again"),
    "huge": (bomb(9500, 9500 * 2), "x.png"),
    "very huge": (bomb(60_000, 60_000), "x.png is not an image that can be read (Image size (3600000000 pixels)"),
    "large": (bomb(10_001, 10_000), "x.png has 10001 × 10000 pixels; at most 100,000,000 are allowed"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "x.png is PostScript"),
}


@pytest.mark.parametrize(("content", "expected"), BAD.values(), ids=BAD)
def test_what_is_no_image_is_one_line(project, capsys, content, expected):
    Path("x.png").write_bytes(content)
    with pytest.raises(DataError) as error:
        asked(capsys, "x.png")
    assert str(error.value).startswith(expected)
    assert capsys.readouterr() == ("", "")


def test_a_broken_image_is_one_line(project, capsys):
    draw(Path("x.jpg"), (400, 400))
    Path("x.jpg").write_bytes(Path("x.jpg").read_bytes()[:5000])
    with pytest.raises(DataError, match=r"^x\.jpg is not an image that can be read \(.*truncated.*\)"):
        asked(capsys, "x.jpg")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none.png", "none.png does not exist; name an image, a folder, or - for a list of paths"),
        ("nothing", "nothing has no images, by the endings of its files; name the files themselves"),
        ("/dev/null", "/dev/null is no file; name an image"),
        ("x" * 300, f"{'x' * 300} cannot be read: File name too long"),
        ("a\nb\0.png", "a b?.png does not exist; name an image, a folder, or - for a list of paths"),
        ("-", "standard input names no image; write a path on each of its lines"),
    ],
)
def test_what_is_not_there_is_one_line(project, capsys, monkeypatch, name, expected):
    Path("nothing").mkdir()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\n \n")))
    with pytest.raises(DataError) as error:
        asked(capsys, name)
    assert str(error.value) == expected
    assert capsys.readouterr() == ("", "")


def test_bad_images_do_not_hide_the_answers_for_others(project, capsys):
    draw(Path("good.png"))
    Path("bad.png").write_text("text")
    with pytest.raises(DataError) as error:
        predicting.predict(["none.png", "bad.png", "good.png"], Path.cwd(), "small", None, True)
    said = capsys.readouterr()
    assert [one["file"] for one in json.loads(said.out)["images"]] == ["good.png"]
    assert [line[:15] for line in said.err.splitlines()] == ["error: none.png", "error: bad.png "]
    assert str(error.value).startswith("2 of 3 images have no answer;")


def test_which_network_is_asked(project, capsys):
    draw(Path("x.png"))
    with pytest.raises(ParamsError, match="'alexnet' is not in the roster; there are: small"):
        asked(capsys, "x.png", model="alexnet")
    with pytest.raises(ParamsError, match="seed 3 is not in the profile; there are: 0, 4"):
        asked(capsys, "x.png", seed=3)
    with pytest.raises(ParamsError, match="--seed 4 is of a model; name it, too: --model NAME"):
        asked(capsys, "x.png", model=None, seed=4)
    with pytest.raises(DataError, match=r"small-4/summary\.json does not exist; `make repro MODELS=small` trains it"):
        asked(capsys, "x.png", seed=4)


def test_weights_and_data_have_to_be_those_of_the_training(project, capsys):
    draw(Path("x.png"))
    row = layout.row("quickstart", "small-0")
    whole = row.weights.read_bytes()
    row.weights.write_bytes(whole[:-1])
    with pytest.raises(DataError, match="is damaged, or not of this training"):
        asked(capsys, "x.png")
    row.weights.write_bytes(whole)
    other = arrays.load_description(layout.DESCRIPTION).model_copy(update={"classes": CLASSES[::-1]})
    arrays.save_description(layout.DESCRIPTION, other)
    with pytest.raises(DataError, match=r"small-0 was trained on other data than data/description\.json is of"):
        asked(capsys, "x.png")


@contextmanager
def in_mlflow(monkeypatch, get):
    """A registry that answers by `get`, and fetches the files that are here."""
    row = layout.row("quickstart", "small-0")
    here = {"summary": row.summary, "description": layout.DESCRIPTION, "weights": row.weights}
    client = SimpleNamespace(get_model_version_by_alias=get)
    Path("mlflow.db").touch()
    monkeypatch.setattr(trained.tracking, "target", lambda: SimpleNamespace(connected=lambda: client))
    monkeypatch.setattr(registered, "_fetched", lambda name, version, folder: here)
    yield here


def test_the_best_in_mlflow_is_asked_unless_one_is_named(project, capsys, monkeypatch):
    draw(Path("x.png"))
    wanted = []
    with in_mlflow(monkeypatch, lambda *name: wanted.append(name) or SimpleNamespace(version=3)):
        found = asked(capsys, "x.png", model=None)
    assert wanted == [("alexvgg-quickstart", "best")]
    assert found["network"] == "small-0 of profile quickstart (alexvgg-quickstart, version 3)"
    assert found["images"] == asked(capsys, "x.png")["images"]


def test_without_a_registered_network_it_says_what_to_do(project, capsys, monkeypatch):
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

    draw(Path("x.png"))
    advice = (
        "MLflow has no model alexvgg-quickstart with the alias `best`; `make repro` trains and registers it, `alexvgg "
        "sync` registers what is trained already; or name one whose weights are here: --model NAME"
    )
    with pytest.raises(TrackingError) as error:
        asked(capsys, "x.png", model=None)
    assert str(error.value) == advice
    assert not Path("mlflow.db").exists()

    def absent(*_):
        raise MlflowException("there is none", RESOURCE_DOES_NOT_EXIST)

    with in_mlflow(monkeypatch, absent), pytest.raises(TrackingError) as error:
        asked(capsys, "x.png", model=None)
    assert str(error.value) == advice


def test_typed_in_a_subfolder(tmp_path):
    """Paths mean what they mean there; one error is one line, and the exit code is that of bad data."""
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/text.png").write_text("text")
    done = alexvgg("predict", "none.png", folder=tmp_path / "notes")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "error: none.png does not exist; name an image, a folder, or - for a list of paths\n"
    done = alexvgg("predict", "text.png", "--model", "alexnet", folder=tmp_path / "notes")
    assert done.returncode == 3
    assert "rows/quickstart/alexnet-0/summary.json does not exist" in done.stderr


@pytest.fixture
def quick(tmp_path) -> Project:
    """The quickstart with a network that is trained in a second: trained, registered, evaluated."""
    made = Project(tmp_path / "alexvgg")
    made.add_small_network()
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles/quickstart.yaml")
    made.params = params | {"models": {"small": {"architecture": "small", "crop": 16, "learning_rate": 1e-3}}}
    made.commit("start")
    made.dvc("repro")
    made.alexvgg("finish")
    return made


@pytest.mark.slow  # 2 min
def test_the_page_about_serving(quick, tmp_path):
    """Its commands are run: the server answers as `alexvgg predict` does, and as `evaluate` did."""
    reader, port = Reader(quick), str(free_port())
    del quick.environment["MLFLOW_TRACKING_URI"]
    text = (HOW_TO / "serve.md").read_text(encoding="utf-8").replace("5001", port)
    page = tmp_path / "serve.md"
    page.write_text(text, encoding="utf-8")
    [command] = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            ["bash", "-c", command], cwd=quick.folder, env=quick.environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 240
        while not answers_at(f"http://127.0.0.1:{port}/ping") and time.monotonic() < deadline:
            assert server.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.5)
        reader.follow(page)
    finally:
        stop(server)
    served = re.findall(r"^([0-9.]+) (\d)$", reader.said, re.MULTILINE)
    [images] = [json.loads(quick.alexvgg("predict", "digit.png", "--json"))["images"]]
    [image] = images
    expected = [(f"{one['probability']:.4f}", one["class"]) for one in image["classes"]]
    assert served == expected
    first = answers.read(quick.folder / "rows/quickstart/small-0/answers.csv").iloc[0]
    assert image["classes"][0]["class"] == first["answer"]
    assert image["classes"][0]["probability"] == pytest.approx(first["confidence"], abs=2e-6)


def answers_at(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False


def stop(server: subprocess.Popen) -> None:
    """With all that it started, which are in a group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
