"""Images of one's own, from a directory to the arrays that training reads."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from alexvgg.cli.packing import pack
from alexvgg.data.sources import cifar100, images
from alexvgg.system.errors import DataError
from conftest import CIFAR100_ARCHIVE, cifar_members, write_archive


def settings(archive, side=16, test_fraction=0.25, superclasses=None) -> images.Images:
    return images.Images(
        source="images", title="mine", archive=str(archive), sha256=["0" * 64], side=side, test_fraction=test_fraction,
        superclasses=superclasses or {},
    )  # fmt: skip


def draw(path, size=(40, 30), mode="RGB", seed=0, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0]) + ((channels,) if channels > 1 else ())
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels, mode).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Two classes of four images, in formats and kinds that people have."""
    kinds = [("a.png", "RGB"), ("b.JPG", "L"), ("c.png", "RGBA"), ("d.gif", "P")]
    for label in ("cat", "a dog"):
        for i, (name, mode) in enumerate(kinds):
            draw(tmp_path / "my images" / label / name, (40 + i, 30 + 5 * i), mode, seed=i)
    (tmp_path / "my images" / "cat" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "my images"


def test_the_same_images_give_the_same_archive_and_its_entry(folder, tmp_path, capsys):
    for name in ("one.tar", "two.tar"):
        pack(folder, tmp_path / name)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    said = capsys.readouterr().out
    assert "8 images, 2 classes" in said
    assert "source: images" in said and "test_fraction: 0.2 # of each class" in said


def test_what_is_packed_is_read(folder, tmp_path):
    pack(folder, tmp_path / "mine.tar")
    dataset = images.read(tmp_path / "mine.tar", settings(tmp_path))
    assert dataset.classes == ["a dog", "cat"]
    assert dataset.train.images.shape == (6, 16, 16, 3)
    assert sorted(dataset.test.labels) == [0, 1]
    assert np.bincount(dataset.train.labels).tolist() == [3, 3]


def test_a_part_to_test_comes_from_a_ratio_or_from_a_folder(folder, tmp_path):
    parted = tmp_path / "parted"
    for part in ("train", "test"):
        for label in ("cat", "a dog"):
            for i in range(3):
                draw(parted / part / label / f"{i}.png", seed=i)
    pack(parted, tmp_path / "parted.tar")
    dataset = images.read(tmp_path / "parted.tar", settings(tmp_path, test_fraction=None))
    assert (len(dataset.train), len(dataset.test)) == (6, 6)
    with pytest.raises(DataError, match=r"has a test/; set data\.test_fraction: null"):
        images.read(tmp_path / "parted.tar", settings(tmp_path))
    pack(folder, tmp_path / "mine.tar")
    with pytest.raises(DataError, match=r"has no test/; set data\.test_fraction"):
        images.read(tmp_path / "mine.tar", settings(tmp_path, test_fraction=None))


def encoded(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, **{"format": "png", **options})
    return file.getvalue()


def test_an_image_is_turned_as_its_exif_says():
    image = Image.new("RGB", (8, 8), "black")
    image.paste("white", (0, 0, 8, 4))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    plain, turned = (images.decode(encoded(image, **options), 8, "x") for options in ({}, {"exif": exif}))
    assert plain[:4].min() == 255 and plain[4:].max() == 0
    assert turned[:, 4:].min() == 255 and turned[:, :4].max() == 0


def test_what_is_transparent_is_white_and_the_middle_square_is_taken():
    clear = Image.new("RGBA", (12, 4), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (4, 0, 8, 4))
    assert (images.decode(encoded(clear), 4, "x") == [0, 0, 255]).all()
    wide = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (images.decode(encoded(wide), 4, "x") == 255).all()


def test_grey_of_sixteen_bits_keeps_its_range():
    deep = Image.fromarray(np.array([[0, 65535], [32896, 0]], np.uint16))
    assert images.decode(encoded(deep), 2, "x")[..., 0].tolist() == [[0, 255], [128, 0]]


def hidden(path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x")


def test_hidden_folders_are_passed_over_and_links_to_images_are_read(folder, tmp_path):
    (folder / ".git/refs/tags").mkdir(parents=True)
    (folder / "cat/e.png").symlink_to(folder / "cat/a.png")
    pack(folder, tmp_path / "mine.tar")
    assert len(images.read(tmp_path / "mine.tar", settings(tmp_path)).train) == 7


@pytest.mark.parametrize("name", ["2024", "cats: best", "#1", "true", "my images"])
def test_the_entry_can_be_pasted_whatever_things_are_called(folder, tmp_path, capsys, monkeypatch, name):
    project = tmp_path / "project"
    (project / "archives").mkdir(parents=True)
    (project / "dvc.yaml").touch()
    monkeypatch.chdir(project / "archives")
    pack(folder.rename(tmp_path / name), None)
    entry = YAML(typ="safe", pure=True).load(capsys.readouterr().out.partition("In params.yaml:")[2])["data"]
    assert entry["title"] == name and entry["archive"] == f"archives/{name}.tar"


# What may be wrong with a directory: how it comes about, and what is said of it.
FAULTS = {
    "text": (lambda at: (at / "cat/notes.png").write_text("no"), "notes.png is not an image that can be read"),
    "empty file": (lambda at: (at / "cat/e.png").write_bytes(b""), "e.png is not an image that can be read"),
    "cut off": (
        lambda at: (at / "cat/a.png").write_bytes((at / "cat/a.png").read_bytes()[:300]),
        "a.png is not an image that can be read",
    ),
    "empty class": (lambda at: (at / "bird").mkdir(), "bird has no images; remove it, or add some"),
    "case": (lambda at: draw(at / "Cat/a.png"), "the classes 'Cat' and 'cat' differ only in case"),
    "few": (lambda at: draw(at / "bird/a.png"), "too few images of bird (1); each class needs at least 3"),
    "one class": (lambda at: (at / "a dog").rename(at.parent / "gone"), "there is only the class cat"),
    "beside": (lambda at: draw(at / "a.png"), "a.png lies beside the folders of classes"),
    "deep": (lambda at: draw(at / "cat/more/a.png"), "lies in a folder of a folder"),
    "linked class": (lambda at: (at / "bird").symlink_to(at.parent), "bird is a link to "),
    "lost link": (
        lambda at: (at / "cat/e.png").symlink_to("/nowhere/e.png"),
        "e.png is a link to /nowhere/e.png, which is",
    ),
    "class of hidden files": (lambda at: hidden(at / "bird/.DS_Store"), "bird has no images; remove it, or add some"),
    "half parted": (lambda at: draw(at / "train/cat/a.png"), "or in both train/<class>/ and test/<class>/"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_directory_that_cannot_be_used_is_refused_by_name(folder, tmp_path, what):
    spoil, said = FAULTS[what]
    spoil(folder)
    with pytest.raises(DataError, match=re.escape(said)):
        pack(folder, tmp_path / "mine.tar")
    assert not (tmp_path / "mine.tar").exists()


def test_a_huge_image_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(images, "LARGEST", 1000)
    with pytest.raises(DataError, match=r"photo has 40 × 30 pixels; at most 1,000 are allowed"):
        images.decode(encoded(Image.new("RGB", (40, 30))), 8, "photo")


def test_a_directory_that_is_none(tmp_path):
    with pytest.raises(DataError, match="is not a directory"):
        pack(tmp_path / "nowhere", None)


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\0" * 2048])
def test_a_damaged_archive_is_refused(tmp_path, content):
    path = tmp_path / "mine.tar"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"archive|classes"):
        images.read(path, settings(path))


def test_superclasses_name_every_class_once(folder, tmp_path):
    pack(folder, tmp_path / "mine.tar")
    groups = {"pets": ["cat", "a dog"]}
    assert images.read(tmp_path / "mine.tar", settings(tmp_path, superclasses=groups)).superclasses == groups
    with pytest.raises(DataError, match="differ in a dog, bird"):
        images.read(tmp_path / "mine.tar", settings(tmp_path, superclasses={"pets": ["cat", "bird"]}))
    with pytest.raises(ValueError, match="superclasses name cat more than once"):
        settings(tmp_path, superclasses={"a": ["cat"], "b": ["cat"]})


def as_png_files(dataset, folder) -> None:
    """A folder a class, files named by their place in the data set."""
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        for i, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
            path = folder / part / dataset.classes[label] / f"{i:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)


def assert_the_same(one, other) -> None:
    for part in ("train", "test"):
        assert np.array_equal(getattr(one, part).images, getattr(other, part).images)
        assert np.array_equal(getattr(one, part).labels, getattr(other, part).labels)
    assert (one.classes, one.superclasses) == (other.classes, other.superclasses)


def test_cifar_100_as_png_files_is_the_same_data_set(tmp_path):
    members = cifar_members({"train": 3, "test": 1})
    members["meta"][b"fine_label_names"] = [b"class%02d" % i for i in range(100)]  # in order, as the published ones
    published = cifar100.read(write_archive(tmp_path / "cifar.tar.gz", members), {"train": 300, "test": 100})
    as_png_files(published, tmp_path / "png")
    pack(tmp_path / "png", tmp_path / "png.tar")
    chosen = settings(tmp_path, 32, None, published.superclasses)
    assert_the_same(images.read(tmp_path / "png.tar", chosen), published)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(CIFAR100_ARCHIVE is None, reason="ALEXVGG_CIFAR100_ARCHIVE is not set")
def test_the_published_cifar_100_as_png_files_is_the_same_data_set(tmp_path):
    from pathlib import Path

    published = cifar100.read(Path(str(CIFAR100_ARCHIVE)))
    as_png_files(published, tmp_path / "png")
    pack(tmp_path / "png", tmp_path / "png.tar")
    assert_the_same(images.read(tmp_path / "png.tar", settings(tmp_path, 32, None, published.superclasses)), published)
