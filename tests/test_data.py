"""Archives are trusted only after they were checked; splits are stratified and repeatable."""

import gzip
import hashlib
import os
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from alexvgg.data import aligned, arrays, download, splits
from alexvgg.data.dataset import Dataset, Split
from alexvgg.data.sources import cifar100, digits
from alexvgg.data.sources.cifar100 import Cifar100
from alexvgg.data.sources.digits import Digits
from alexvgg.system.errors import DataError, ParamsError
from conftest import CIFAR100_ARCHIVE, DIGITS_SHA256, cifar_members, damage, quiet, write_archive

SMALL = {"train": 200, "test": 100}


def settings(archive: Path, url: str | None = None) -> Cifar100:
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    return Cifar100(source="cifar100", urls=[url or archive.as_uri()], sha256=[sha256])


@pytest.fixture(autouse=True)
def nothing_supplied_by_hand(monkeypatch):
    monkeypatch.delenv("ALEXVGG_CIFAR100_ARCHIVE", raising=False)


@pytest.fixture
def archive(tmp_path):
    return write_archive(tmp_path / "small.tar.gz", cifar_members({"train": 2, "test": 1}))


def test_small_archive_is_read(archive):
    dataset = cifar100.read(archive, SMALL)
    raw = cifar_members({"train": 2, "test": 1})["train"][b"data"]
    assert dataset.train.images.shape == (200, 32, 32, 3)
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.images[3, 5, 7, 2] == raw[3, 2 * 1024 + 5 * 32 + 7]
    assert dataset.test.labels.tolist() == list(range(100))
    assert dataset.classes[42] == "class42"
    assert dataset.superclasses["group3"] == [f"class{i}" for i in range(15, 20)]


class Gadget:
    def __reduce__(self):
        return os.system, ("touch gadget-ran",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("test"), "has no cifar-100-python/test"),
        (lambda m: m.update(train=Gadget()), "asks for posix.system"),
        (lambda m: m.update(train=b"not a pickle"), "damaged"),
        (lambda m: m.update(train=[1, 2]), "holds list"),
        (lambda m: m["train"].pop(b"fine_labels"), "no 'fine_labels'"),
        (lambda m: m["train"].update({b"data": m["train"][b"data"][:-1]}), "images are uint8 (199, 3072)"),
        (lambda m: m["train"].update({b"data": m["train"][b"data"].astype(float)}), "images are float64"),
        (lambda m: m["train"][b"fine_labels"].__setitem__(0, 1), "1 to 3 images a class"),
        (lambda m: m["train"][b"fine_labels"].__setitem__(0, 100), "labels run from 0 to 100"),
        (lambda m: m["meta"].update({b"fine_label_names": [b"same"] * 100}), "1 different classes"),
        (
            lambda m: m["meta"].update({b"fine_label_names": [b"%d" % i for i in range(99)]}),
            "99 different classes",
        ),
        (lambda m: m["train"].pop(b"coarse_labels"), "no 'coarse_labels'"),
        (lambda m: m["train"][b"coarse_labels"].__setitem__(0, 7), "not have 20 superclasses of 5 classes"),
        (lambda m: m["train"].update({b"coarse_labels": [0] * 3}), "coarse labels are int64 (3,)"),
        (lambda m: m["meta"].update({b"coarse_label_names": [b"same"] * 20}), "1 different superclasses"),
    ],
)
def test_foreign_archives_are_refused(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    members = cifar_members({"train": 2, "test": 1})
    change(members)
    path = write_archive(tmp_path / "foreign.tar.gz", members)
    with pytest.raises(DataError) as error:
        cifar100.read(path, SMALL)
    assert message in str(error.value)
    assert not Path("gadget-ran").exists()


def test_truncated_archive_is_damaged(archive):
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(DataError, match="damaged archive"):
        cifar100.read(archive, SMALL)


def test_oversized_member_is_not_read(archive, monkeypatch):
    monkeypatch.setitem(cifar100.MAX_BYTES, "train", 1000)
    with pytest.raises(DataError, match="more than the 1,000 allowed"):
        cifar100.read(archive, SMALL)


def test_download_from_a_server(archive, tmp_path):
    content = archive.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/good" else 404)
            self.end_headers()
            if self.path == "/good":
                self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    good = settings(archive).model_copy(update={"urls": [f"{base}/gone", f"{base}/good"]})
    download.fetch(good, cifar100.SOURCE, tmp_path / "out", quiet)
    assert (tmp_path / "out").read_bytes() == content
    gone = good.model_copy(update={"urls": [f"{base}/gone"]})
    with pytest.raises(DataError, match="HTTP 404"):
        download.fetch(gone, cifar100.SOURCE, tmp_path / "other", quiet)
    server.shutdown()


def test_no_network_says_how_to_go_on(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    earlier = tmp_path / "out"
    earlier.write_bytes(b"earlier")
    with pytest.raises(DataError, match=r"no connection.*ALEXVGG_CIFAR100_ARCHIVE="):
        download.fetch(settings(archive, "http://127.0.0.1:9/none"), cifar100.SOURCE, earlier, quiet)
    assert earlier.read_bytes() == b"earlier"
    assert list(tmp_path.glob(".out*")) == []


def test_a_full_disk_is_not_called_a_failed_download(archive, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_stream", full)
    with pytest.raises(OSError, match="No space left") as raised:
        download.fetch(settings(archive, "http://127.0.0.1:9/none"), cifar100.SOURCE, tmp_path / "out", quiet)
    assert not isinstance(raised.value, DataError)
    assert list(tmp_path.glob(".out*")) == []


def test_wrong_hash_keeps_the_earlier_archive(archive, tmp_path):
    earlier = tmp_path / "out"
    earlier.write_bytes(b"earlier")
    wrong = settings(archive).model_copy(update={"sha256": ["0" * 64]})
    with pytest.raises(
        DataError, match=r"wrong hash: the archive of CIFAR-100 has sha256 [0-9a-f]{64}, data\.sha256 allows 0000"
    ):
        download.fetch(wrong, cifar100.SOURCE, earlier, quiet)
    assert earlier.read_bytes() == b"earlier"


def test_a_copy_supplied_by_hand_comes_before_the_network(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXVGG_CIFAR100_ARCHIVE", str(archive))
    download.fetch(settings(archive, "http://127.0.0.1:9/none"), cifar100.SOURCE, tmp_path / "out", quiet)
    assert (tmp_path / "out").read_bytes() == archive.read_bytes()
    monkeypatch.setenv("ALEXVGG_CIFAR100_ARCHIVE", str(tmp_path / "missing"))
    with pytest.raises(DataError, match="No such file or directory; see what ALEXVGG_CIFAR100_ARCHIVE names"):
        download.fetch(settings(archive), cifar100.SOURCE, tmp_path / "out", quiet)


def test_digits(tmp_path):
    chosen = Digits(source="digits", sha256=[DIGITS_SHA256])
    download.fetch(chosen, digits.SOURCE, tmp_path / "digits.csv.gz", quiet)
    dataset = digits.read(tmp_path / "digits.csv.gz")
    assert len(dataset.train) + len(dataset.test) == 1797
    assert dataset.train.images.shape[1:] == (8, 8, 3)
    assert dataset.train.images.max() == 255
    assert set(dataset.test.labels) == set(range(10))
    (tmp_path / "bad.gz").write_bytes(gzip.compress(b"1,2\n3,4\n"))
    with pytest.raises(DataError):
        digits.read(tmp_path / "bad.gz")


def test_split_is_stratified_and_repeatable():
    labels = np.repeat(np.arange(10), 20).astype(np.int32)
    everything = Split(np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1), labels)
    train, val = splits.split_validation(everything, 0.1, seed=3)
    again, _ = splits.split_validation(everything, 0.1, seed=3)
    other, _ = splits.split_validation(everything, 0.1, seed=4)
    assert np.bincount(val.labels).tolist() == [2] * 10
    assert sorted([*train.images.ravel(), *val.images.ravel()]) == list(range(200))
    assert np.array_equal(train.images, again.images)
    assert not np.array_equal(train.images, other.images)


def test_split_too_small_for_every_class(archive):
    with pytest.raises(ParamsError, match="val_fraction"):
        splits.split_validation(cifar100.read(archive, SMALL).train, 0.01, seed=0)


def test_channel_statistics_are_numpys():
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
    mean, std = splits.channel_statistics(images)
    assert np.allclose(mean, (images / 255).mean((0, 1, 2)), atol=1e-12)
    assert np.allclose(std, (images / 255).std((0, 1, 2)), atol=1e-12)


@pytest.mark.parametrize("everywhere", [0, 77, 255])
def test_a_channel_that_is_the_same_everywhere_can_be_divided_by(everywhere):
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
    images[..., 1] = everywhere
    assert splits.channel_statistics(images)[1][1] == 1.0


@pytest.fixture
def processed(tmp_path):
    """A split and its description on disk, as `preprocess` leaves them."""
    random = np.random.default_rng(0)
    split = Split(random.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8), np.arange(40, dtype=np.int32))
    dataset = Dataset(split, split, ["a", "b"], {})
    sha256 = {"train": arrays.save(tmp_path / "train.npy", split)}
    description = splits.describe(
        dataset, {"train": split}, sha256=sha256, source="cifar100", title="CIFAR-100", archive_sha256="0" * 64,
        resize=256, crop=227,
    )  # fmt: skip
    arrays.save_description(tmp_path / "description.json", description)
    return split, description


def test_arrays_are_the_same_bytes_and_read_back(tmp_path, processed):
    split, description = processed
    content = (tmp_path / "train.npy").read_bytes()
    arrays.save(tmp_path / "train.npy", split)
    assert content == (tmp_path / "train.npy").read_bytes()
    assert arrays.load_description(tmp_path / "description.json") == description
    assert np.array_equal(arrays.load(tmp_path / "train.npy", description).images, split.images)


def test_arrays_are_read_to_where_tensorflow_takes_them_over_without_a_copy(tmp_path, processed):
    loaded = arrays.load(tmp_path / "train.npy", processed[1])
    assert loaded.images.ctypes.data % 64 == 0 and loaded.images.flags.writeable
    assert aligned.aligned(loaded.images) is loaded.images


@pytest.mark.parametrize("start", [0, 1, 16, 63])
def test_an_array_that_starts_anywhere_is_moved_to_where_tensorflow_takes_it(start):
    array = aligned.empty((200,), np.uint8)[start:]
    array[:] = np.arange(200 - start)
    moved = aligned.aligned(array)
    assert moved.ctypes.data % 64 == 0 and np.array_equal(moved, array)
    assert (moved is array) == (start == 0)


def test_arrays_are_the_same_bytes_in_every_python(tmp_path):
    images = (np.arange(40 * 8 * 8 * 3) % 256).astype(np.uint8).reshape(40, 8, 8, 3)
    sha256 = arrays.save(tmp_path / "train.npy", Split(images, np.arange(40, dtype=np.int32)))
    assert sha256 == "ff0c5eeb1062beef7ce99f21e26836ee372feadbafc3907638e596ef2e624aa4"


@pytest.mark.parametrize("seed", range(30))
def test_any_damage_to_arrays_and_description_is_noticed(tmp_path, processed, seed):
    random = np.random.default_rng(seed)
    damage(tmp_path / str(random.choice(["train.npy", "description.json"])), random)
    with pytest.raises(DataError, match=r"is damaged .*dvc checkout"):
        arrays.load(tmp_path / "train.npy", arrays.load_description(tmp_path / "description.json"))


def test_missing_arrays_say_what_makes_them(tmp_path, processed):
    (tmp_path / "train.npy").unlink()
    with pytest.raises(DataError, match=r"does not exist; run `dvc repro preprocess`"):
        arrays.load(tmp_path / "train.npy", processed[1])
    with pytest.raises(DataError, match=r"does not exist; run `dvc repro preprocess`"):
        arrays.load_description(tmp_path / "gone.json")


def test_crop_geometry_keeps_the_slides_ratio(processed):
    assert processed[1].resize_for(227) == 256
    assert processed[1].resize_for(67) == 76


@pytest.mark.real
@pytest.mark.skipif(not CIFAR100_ARCHIVE, reason="ALEXVGG_CIFAR100_ARCHIVE is not set")
def test_real_archive():
    dataset = cifar100.read(Path(str(CIFAR100_ARCHIVE)))
    train, val = splits.split_validation(dataset.train, 0.1, seed=0)
    assert np.bincount(val.labels).tolist() == [50] * 100
    assert np.bincount(train.labels).tolist() == [450] * 100
    mean, _ = splits.channel_statistics(dataset.train.images)
    assert np.allclose(mean, [0.50707516, 0.48654887, 0.44091784], atol=1e-7)
    assert dataset.classes[:2] == ["apple", "aquarium_fish"]
    assert dataset.superclasses["flowers"] == ["orchid", "poppy", "rose", "sunflower", "tulip"]


@pytest.mark.parametrize("module", ["check", "download", "preprocess", "report"])
def test_light_stages_import_no_tensorflow_and_no_mlflow(module):
    code = f"import sys; sys.path.insert(0, 'stages'); import {module}; print({{'tensorflow', 'mlflow'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_unpickler_that_is_not_ours_would_have_run_the_gadget():
    """The test above proves something only if the gadget is one."""
    assert b"system" in pickle.dumps(Gadget())
