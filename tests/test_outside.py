"""Whatever comes from outside is read right or refused in one line: parameters, journals, checkpoints, archives.

Each kind of input is made up by hypothesis. In the fast tests the same few inputs are tried each time; `make torture`
sets ALEXVGG_INPUTS, to try that many in all, other ones for each ALEXVGG_SEED, and counts.
"""

import bz2
import datetime
import gzip
import io
import lzma
import os
import pickle
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from PIL import Image
from ruamel.yaml import YAML

from alexvgg.checkpoints import snapshot, store
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.data.dataset import Dataset
from alexvgg.data.sources import cifar100, digits, images
from alexvgg.params import file
from alexvgg.system.errors import AlexvggError, DataError, ParamsError, TrainingError
from alexvgg.tracking import journal
from conftest import ROOT, cifar_members

HOME = tempfile.TemporaryDirectory(prefix="hypothesis ")  # else it is in the project's folder
set_hypothesis_home_dir(HOME.name)
INPUTS = int(os.environ.get("ALEXVGG_INPUTS", "0"))  # 0: each kind's own number
SEED = int(os.environ.get("ALEXVGG_SEED", "0"))
SECONDS = 20  # after which an input counts as one that hangs
SHOWN = 3  # failures in a message
PARTS = {"train": 100, "test": 100}
EDGE = 1_100  # bytes at both ends of a file in which its headers are


# How inputs are tried


class Hangs(BaseException):
    """No `except Exception` can take it for an error of the input."""


@dataclass
class Kind:
    """A kind of input: how it is made, and what has to hold for it."""

    title: str
    number: int  # in the fast tests
    made: st.SearchStrategy
    holds: Callable[[Path, Any], None]  # with a folder to write to
    remark: str
    examples: tuple = ()


KINDS: list[Kind] = []


def kind(title: str, number: int, made: st.SearchStrategy, remark: str, examples: tuple = ()) -> Callable:
    def register(holds: Callable[[Path, Any], None]) -> Callable[[Path, Any], None]:
        KINDS.append(Kind(title, number, made, holds, remark, examples))
        return holds

    return register


@contextmanager
def within_time() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise Hangs

    earlier = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)


class Watch:
    """What Python does, as audit events tell it, that reading does not need: other programs, written files."""

    ACTS = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "tempfile.")
    HARMLESS = ("os.listdir", "os.scandir", "os.walk")

    def __init__(self) -> None:
        self.on, self.seen = False, []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        if not self.on:
            return
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and "__pycache__" not in str(path):
                self.seen.append((event, path))
        elif event.startswith(self.ACTS) and event not in self.HARMLESS:
            self.seen.append((event, arguments))

    @contextmanager
    def reading(self) -> Iterator[None]:
        self.seen.clear()
        self.on = True
        try:
            yield
        finally:
            self.on = False
        assert self.seen == []


WATCH = Watch()


@contextmanager
def refused(kind: type[AlexvggError]) -> Iterator[None]:
    """For a block in which an input may be refused, in one line that can be printed."""
    try:
        with WATCH.reading():
            yield
    except kind as error:
        text = str(error)
        text.encode()
        assert len(text.splitlines()) == 1 and len(text) < 1500, text
        raise


def number_of(kind: Kind) -> int:
    """How many inputs of a kind are to be tried."""
    return max(1, round(INPUTS * kind.number / sum(one.number for one in KINDS))) if INPUTS else kind.number


def try_all(kind: Kind, folder: Path) -> tuple[int, list[str]]:
    """How many inputs were tried, and what failed; the first failure is raised unless they are counted."""
    tried, failures = 0, []

    @settings(
        derandomize=not INPUTS, deadline=None, database=None, max_examples=number_of(kind),
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate, *[Phase.shrink] * (not INPUTS)],
    )  # fmt: skip
    @given(kind.made)
    def each(made: Any) -> None:
        nonlocal tried
        tried += 1
        try:
            with within_time(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kind.holds(folder, made)
        except (Exception, Hangs) as error:
            if not INPUTS:
                raise
            failures.append(f"{made!r:.2000}\n{''.join(traceback.format_exception(error))}")

    for one in kind.examples:
        each = example(one)(each)
    (seed(SEED)(each) if INPUTS else each)()
    return tried, failures


# Damage: operations on bytes, so that what is shown of a failure is short

places = st.one_of(st.floats(0, 1, exclude_max=True), st.integers(0, EDGE), st.integers(-EDGE, -1))
few_bytes = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.builds(lambda byte, count: bytes([byte]) * count, st.sampled_from([0, 32, 48, 255]), st.integers(1, 3000)),
    st.sampled_from([b"\n", b"\n\n", b"\n00000000\n", b"\n00000000 \n", b"\n00000000 {}\n", b"\0" * 512]),
)
DAMAGES = {
    "flip": st.tuples(st.just("flip"), places, st.integers(0, 7)),
    "cut": st.tuples(st.just("cut"), places, st.none()),
    "insert": st.tuples(st.just("insert"), places, few_bytes),
    "replace": st.tuples(st.just("replace"), places, few_bytes),
    "remove": st.tuples(st.just("remove"), places, st.integers(1, 2000)),
    "swap": st.tuples(st.just("swap"), places, places),
    "double": st.tuples(st.just("double"), places, places),
    "empty": st.tuples(st.just("empty"), st.none(), st.none()),
    "other": st.tuples(st.just("other"), places, st.none()),
}


def damages(*names: str) -> st.SearchStrategy:
    return st.lists(st.one_of(*[DAMAGES[name] for name in names or DAMAGES]), min_size=1, max_size=3)


def at(place: float | int, length: int) -> int:
    index = int(place * length) if isinstance(place, float) else place
    return index % length if length else 0


def swapped(content: bytes, one: float, other: float, double: bool) -> bytes:
    """Two lines, or two blocks where there are no lines, in each other's place; or the first one where the other is."""
    text = content.isascii() or content[:9].isalnum()
    parts = content.splitlines(keepends=True) if text else [content[i : i + 512] for i in range(0, len(content), 512)]
    if parts:
        a, b = at(one, len(parts)), at(other, len(parts))
        parts[a], parts[b] = (parts[a], parts[a] + parts[b]) if double else (parts[b], parts[a])
    return b"".join(parts)


def damaged(content: bytes, operations: list[tuple], other: bytes = b"") -> bytes:
    for what, place, more in operations:
        i = at(place, len(content)) if place is not None else 0
        if what == "flip" and content:
            content = content[:i] + bytes([content[i] ^ 1 << more]) + content[i + 1 :]
        elif what == "cut":
            content = content[:i]
        elif what in ("insert", "replace"):
            content = content[:i] + more + content[i + len(more) * (what == "replace") :]
        elif what == "remove":
            content = content[:i] + content[i + more :]
        elif what in ("swap", "double"):
            content = swapped(content, place, more, what == "double")
        elif what == "empty":
            content = b""
        elif what == "other":
            content = content[:i] + other[at(place, len(other)) :]
    return content


# params.yaml

PROFILES = {path.stem: path.read_text() for path in sorted((ROOT / "profiles").glob("*.yaml"))}
TOKENS = [
    *"[]{},:?-&*!|>'\"%@`#~=.\t\n\0\x85\u2028\ufeff\ud800", " ", "\n  ", "\n- ", ": ", "? ", "- ", "&a ", "*a", "<<: *a", "<<: [*a, *a]",
    "!!python/object/apply:os.system [touch ran]", "!!python/name:os.system", "!!set {a, b}", "!!omap [a: 1]", "!!binary aaa",
    "!!int x", "!!bool x", "!!float x", "!!timestamp x", "!!null x", "!!str 3", "!a ", "%YAML 1.1\n---\n", "%TAG ! a\n---\n",
    "---\n", "...\n", "2024-12-11", "2024-99-99", "0001-01-01T00:00:00+23:59", ".nan", "-.inf", "1e999", "9" * 5000, "0x", "0x" + "f" * 5000,
    "0o9", "1_", "0b", "1:2:3", '"\\ud800"', '"\\UFFFFFFFF"', '"\\x1b[2J"', "profile", "models", "training", "data: ", "epochs: 1", "null",
    "true", "[[1], 2]: 3", "? {a: 1}\n: 2", "x" * 2000, "[" * 200, "{a: " * 50, "- " * 200,
]  # fmt: skip
BOMBS = {
    "nested lists": "[" * 1_000,
    "nested mappings": "{a: " * 1_000,
    "aliases": "&a0 [x, x]\n" + "".join(f"- &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)),
    "aliases in a value": PROFILES["quickstart"].replace(
        "epochs: 4",
        "epochs: [&a0 [x, x], " + ", ".join(f"&a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)) + "]",
    ),
    "merges": "m0: &m0 {x: 1}\n"
    + "".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 10)}]}}\n" for i in range(1, 9)),
    "itself": "&a\nmodels: *a\ntraining: {epochs: *a}\n",
    "a long file": "a: 1\n" * 100_000,
    "a long list": "seeds: [" + "x, " * 2_000 + "]",
}
characters = st.one_of(st.characters(exclude_categories=[]), st.characters(categories=["Cc", "Cs", "Zl", "Zp"]))
texts = st.one_of(
    st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)), max_size=30).map("".join),
    st.text(characters, max_size=60),
)
keys = st.one_of(
    st.sampled_from(["epochs", "models", "a\nb", "\x1b[2J", "options", "crop", "early_crops", "<<", "=", "padding"]),
    st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.dates(), st.tuples(st.integers(), st.text(max_size=3)),
)  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(), st.floats(0, 1), st.integers(0, 300),
    st.text(max_size=12), st.binary(max_size=8), st.dates(), st.datetimes(datetime.datetime(1, 1, 2)),
    st.sampled_from(["alexnet", "vgg16", "adam", "cosine", "none", "digits", "images", "mixed_bfloat16", "x" * 3000, "a\nb"]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
EDITS = ("replace", "delete", "add", "swap", "copy", "insert text", "drop lines", "double lines")
edits = st.lists(
    st.tuples(st.sampled_from(EDITS), st.integers(0, 2**16), st.integers(0, 2**16), keys, values, st.sampled_from(TOKENS)),
    max_size=3,
)  # fmt: skip


def once(make: Callable[[Path], Any]) -> Callable[[], Any]:
    """Made when it is first needed, in a folder that is gone afterwards."""
    kept: list[Any] = []

    def get() -> Any:
        if not kept:
            with tempfile.TemporaryDirectory() as folder:
                kept.append(make(Path(folder)))
        return kept[0]

    return get


def parsed_profiles(_: Path) -> dict[str, dict]:
    """With two networks each, which is sooner read."""
    parsed = {name: YAML(typ="safe", pure=True).load(text) for name, text in PROFILES.items()}
    parsed["images"] = parsed["quickstart"] | {"data": OWN.model_dump()}
    return {name: one | {"models": dict(list(one["models"].items())[:2])} for name, one in parsed.items()}


trees = once(parsed_profiles)


def spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each place of a tree, as what holds it and its key there."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, inner in list(pairs):
        yield tree, key
        yield from spots(inner)


def edit_values(tree: dict, what: str, a: int, b: int, key: Any, value: Any) -> None:
    places = list(spots(tree))
    if not places:
        return
    (holder, name), (other, place) = places[a % len(places)], places[b % len(places)]
    if what == "replace":
        holder[name] = value
    elif what == "delete":
        del holder[name]
    elif what == "add" and isinstance(holder, dict):
        holder[key] = value
    elif what == "swap":
        holder[name], other[place] = other[place], holder[name]
    elif what == "copy":
        holder[name] = deepcopy(other[place])


def edit_text(text: str, what: str, a: int, b: int, token: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    i, j = sorted((a % len(lines), b % len(lines)))
    if what == "insert text":
        return text[: a % (len(text) + 1)] + token + text[a % (len(text) + 1) :]
    if what == "drop lines":
        return "".join(lines[:i] + lines[j:])
    if what == "double lines":
        return "".join(lines[:j] + lines[i:])
    return text


def edited(profile: str, changes: list[tuple]) -> bytes:
    """A profile with other values, and then with other text."""
    tree, stream = deepcopy(trees()[profile]), io.StringIO()
    for what, a, b, key, value, _ in changes:
        edit_values(tree, what, a, b, key, value)
    YAML(typ="safe", pure=True).dump(tree, stream)
    text = stream.getvalue()
    for what, a, b, *_, token in changes:
        text = edit_text(text, what, a, b, token)
    return text.encode(errors="surrogatepass")


def accepted_or_refused(path: Path) -> None:
    try:
        with refused(ParamsError):
            params = file.load(path)
    except ParamsError:
        return
    assert params.rows()
    for model in params.models:
        recipe = params.recipe(model)
        assert recipe.learning_rate == params.entry(model).learning_rate
        params.entry(model).check_early_crops(recipe)
        assert params.entry(model).complete_options
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(params.model_dump(), stream)
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    assert file.load(path) == params


NO_ERROR = "nothing: the right values, or refused in one line"


@kind(
    "params.yaml: any text", 100, st.one_of(texts.map(lambda text: text.encode(errors="surrogatepass")), st.binary()),
    NO_ERROR, examples=tuple(text.encode() for text in BOMBS.values()),
)  # fmt: skip
def any_text(folder: Path, content: bytes) -> None:
    path = folder / "params.yaml"
    path.write_bytes(content)
    accepted_or_refused(path)


@kind(
    "params.yaml: a profile with other values", 60, st.tuples(st.sampled_from([*PROFILES, "images"]), edits), NO_ERROR
)
def any_profile(folder: Path, made: tuple) -> None:
    any_text(folder, edited(*made))


# Journals

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
    | st.text(characters, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


def write_journal(folder: Path, key: str) -> bytes:
    written = journal.Journal.create(folder, key=key, profile="test", name="ein Bär\n🐻")
    written.append("environment", versions={"tensorflow": "2.0"})
    for epoch in range(1, 5):
        written.append("epoch", epoch=epoch, loss=1 / epoch, rate=1e-05)
        written.append("step", epoch=epoch, step=70 * epoch, loss=2 / epoch, acc=0.5)
    written.append("end", status="FINISHED", artifacts={"weights": "/somewhere/alexnet-0.h5"})
    return written.path.read_bytes()


journals = once(lambda folder: (write_journal(folder, "one"), write_journal(folder, "other")))


def records_of(content: bytes, path: Path) -> list[dict]:
    path.write_bytes(content)
    return journal.read(path)


@kind(
    "a journal: damaged", 150, damages(), "nothing: what is not as it was written is left out",
    examples=tuple([("insert", place, line)] for place in (0, 0.5) for line in (b"00000000\n", b"\n00000000 \n")),
)  # fmt: skip
def damaged_journal(folder: Path, operations: list[tuple]) -> None:
    content, other = journals()
    path = folder / "journals" / "a.jsonl"
    path.parent.mkdir(exist_ok=True)
    written = records_of(content, path)
    known = written + records_of(other, path)
    found = records_of(damaged(content, operations, other), path)
    whole = [record for record in found if record != {"kind": "damaged"}]
    assert all(record in known for record in whole)
    if {what for what, *_ in operations} <= {"cut", "empty"}:
        assert found == written[: len(found)]
    if not {what for what, *_ in operations} & {"swap", "double", "other"}:
        rest = iter(written)
        assert all(record in rest for record in whole)  # in the order in which they were written
    assert journal.status(found) in ("RUNNING", "FINISHED")
    for start in (start for _, start in journal.starts(path.parent)):
        assert start in known
    journal.Journal(path).append("evaluation", metrics={"test_acc": 0.75})
    *again, last = journal.read(path)
    assert last["metrics"] == {"test_acc": 0.75}
    assert again[: len(found)] == found and len(again) - len(found) in (0, 1)
    assert all(record in [*known, {"kind": "damaged"}] for record in again)


@kind(
    "a journal: any record", 60, st.lists(json_values, min_size=1, max_size=3), "nothing: it is read as it was written",
    examples=(["\udcff"], ["\n\u2028\0"]),
)  # fmt: skip
def any_record(folder: Path, made: list) -> None:
    path = folder / "any.jsonl"
    path.write_bytes(b"")
    for one in made:
        journal.Journal(path).append("epoch", values=one)
    assert [record["values"] for record in journal.read(path)] == made


# Checkpoints

HERE = {"threads": "2"}


def state(step: int) -> snapshot.Snapshot:
    arrays = {"a": np.arange(step * 50, dtype=np.float32), "b": np.array([[step, 1]]), "c": np.array(7.0)}
    return snapshot.Snapshot(step, arrays, {"loss_sum": 0.1 + step}, HERE)


def put(contents: dict[str, bytes | None], folder: Path) -> None:
    """Write these files; those without content are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)


def write_checkpoints(folder: Path) -> dict[str, bytes]:
    """The files of two checkpoints, the names of which are those in a folder of checkpoints."""
    with Checkpoints(folder / "checkpoints" / "alexnet-0-0123456789abcdef") as checkpoints:
        for step in (5, 10):
            checkpoints.save(state(step))
            assert checkpoints.wait() is None
        return {path.name: path.read_bytes() for path in checkpoints.folder.glob("0*")}


checkpoints_of = once(write_checkpoints)


CHECKPOINT_FILES = [f"00000{number}.{end}" for number in (2, 1) for end in ("0.checkpoint", "1.checkpoint", "sha256")]


@kind(
    "a checkpoint: damaged", 120,
    st.lists(st.tuples(st.sampled_from(CHECKPOINT_FILES), st.one_of(damages(), st.sampled_from(CHECKPOINT_FILES), st.none())), min_size=1, max_size=4),
    "nothing: one that is whole is used, or none",
)  # fmt: skip
def damaged_checkpoint(folder: Path, made: list[tuple]) -> None:
    """Each of `made` damages a file, puts another one's content there, or removes it."""
    files = checkpoints_of()
    contents: dict[str, bytes | None] = dict(files)
    for name, how in made:
        if isinstance(how, list):
            contents[name] = damaged(contents[name] or b"", how, files[CHECKPOINT_FILES[0]])
        else:
            contents[name] = how and files[how]
    with Checkpoints(folder / "checkpoints" / "alexnet-0-0123456789abcdef") as checkpoints:
        put(contents, checkpoints.folder)
        changed = {name[:6] for name in files if contents[name] != files[name]}
        whole = [number for number in (2, 1) if f"{number:06}" not in changed]
        try:
            with refused(TrainingError):
                found = checkpoints.newest(HERE)
        except TrainingError:
            assert not whole
            return
        if found is None:
            assert not store.manifests(checkpoints.folder)
        else:
            expected = state(5 * whole[0])
            assert (found.step, found.facts, found.environment) == (expected.step, expected.facts, expected.environment)
            assert {name: array.tobytes() for name, array in found.arrays.items()} == {
                name: array.tobytes() for name, array in expected.arrays.items()
            }


@kind("a note that a computation is finished: damaged", 40, damages(), "nothing: its checkpoints stay")
def damaged_note(folder: Path, operations: list[tuple]) -> None:
    result, lock = "0123456789abcdef" * 2, folder / "dvc.lock"
    lock.write_text(f"outs:\n- path: weights\n  md5: {result}\n  size: 17\n")
    noted = folder / "checkpoints" / "alexnet-0-0123456789abcdef" / store.RESULT
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.write_bytes(damaged(result.encode(), operations, lock.read_bytes()))
    same = noted.read_bytes() == result.encode()
    store.remove_recorded(folder / "checkpoints", [lock])
    assert noted.exists() != same


# CIFAR-100's archive


def members() -> dict[str, Any]:
    """Of few values, which can be compressed."""
    made = cifar_members({"train": 1, "test": 1})
    for name in PARTS:
        made[name][b"data"] = made[name][b"data"] & 3
    return made


def tar_of(entries: list[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar file, whose entries say what they like about their size."""
    made = io.BytesIO()
    for entry, content in entries:
        made.write(entry.tobuf(format, errors="surrogateescape"))
        made.write(content + b"\0" * (-len(content) % 512))
    return made.getvalue() + b"\0" * 1024


def entry(name: str, size: int, **more: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for key, value in more.items():
        setattr(made, key, value)
    return made


def plain_tar(contents: dict[str, bytes]) -> bytes:
    return tar_of([(entry(name, len(content)), content) for name, content in contents.items()])


def pickled(made: dict[str, Any]) -> dict[str, bytes]:
    return {
        f"cifar-100-python/{name}": one if isinstance(one, bytes) else pickle.dumps(one, 2)
        for name, one in made.items()
    }


def packed(tar: bytes, level: int = 0) -> bytes:
    return gzip.compress(tar, level, mtime=0)


def same(one: Dataset, other: Dataset) -> bool:
    return (one.classes, one.superclasses) == (other.classes, other.superclasses) and all(
        np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
        for a, b in ((one.train, other.train), (one.test, other.test))
    )


def read_cifar(folder: Path, content: bytes) -> Dataset | None:
    """The data set in an archive; None if it is refused."""
    path = folder / "archive"
    path.write_bytes(content)
    try:
        with refused(DataError):
            return cifar100.read(path, PARTS)
    except DataError:
        return None


def make_cifar(folder: Path) -> tuple[bytes, bytes, Dataset]:
    content = packed(plain_tar(pickled(members())), level=1)
    dataset = read_cifar(folder, content)
    assert dataset is not None
    return content, packed(plain_tar({"another": b"1"})), dataset


cifar = once(make_cifar)
SAME = "nothing: the same images, or refused in one line"
WELL_FORMED = "nothing: a data set in the format, or refused in one line"


@kind("the archive of CIFAR-100: damaged", 80, damages(), SAME)
def damaged_cifar(folder: Path, operations: list[tuple]) -> None:
    content, other, dataset = cifar()
    found = read_cifar(folder, damaged(content, operations, other))
    assert found is None or same(found, dataset)


@kind("the archive of CIFAR-100: damaged before it was compressed", 60, damages(), WELL_FORMED)
def damaged_inside(folder: Path, operations: list[tuple]) -> None:
    content, other, _ = cifar()
    expect_cifar(read_cifar(folder, packed(damaged(gzip.decompress(content), operations, gzip.decompress(other)))))


def expect_cifar(found: Dataset | None) -> None:
    if found is None:
        return
    for split in (found.train, found.test):
        assert (split.images.shape, split.images.dtype) == ((100, 32, 32, 3), np.uint8)
        assert split.labels.dtype == np.int32 and sorted(split.labels.tolist()) == list(range(100))
    assert len(set(found.classes)) == 100 and all(type(name) is str and name.isprintable() for name in found.classes)
    assert sorted(name for group in found.superclasses.values() for name in group) == sorted(found.classes)


dtypes = st.sampled_from(
    ["u1", "i1", "<i2", ">i4", "<u4", "<i8", ">u8", "<f4", "<f8", "O", "V8", "S3", "U2", "?", "c8", "M8[s]"]
)
arrays = st.builds(
    lambda dtype, shape, order: np.zeros(shape, dtype, order),
    dtypes, st.sampled_from([(), (0,), (100,), (100, 1), (100, 3072), (99, 3072), (3072, 100), (307_200,)]), st.sampled_from("CF"),
)  # fmt: skip
labels = st.sampled_from(
    [np.arange(100), *(np.arange(100).astype(dtype) for dtype in ("u1", "<u8", ">i4", "<f8", "O"))]
)
pickles = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(2**70), st.floats(), st.text(max_size=5), st.binary(max_size=5), arrays, labels,
    st.just(list(range(100))), st.just([f"class{i}" for i in range(100)]), st.just([float("nan")] * 100), st.just([2**70] * 100),
    st.just([*range(99), 100]), st.just([-1, *range(99)]), st.just([[1], [1, 2]]), st.just([None] * 100), st.just([True] * 100),
    st.just(["a\nb", *map(str, range(99))]), st.just([b"\xff", *map(str, range(99))]), st.just([b"a", "a", *map(str, range(98))]),
    st.just(["\ud800", *map(str, range(99))]), st.just(tuple(range(100))), st.lists(st.integers(-1, 101), max_size=100),
    st.dictionaries(st.binary(max_size=3), st.integers(), max_size=3), st.just({1, 2}), st.just(3 + 4j),
)  # fmt: skip
STEPS = [
    b"\x80\x02", b"}", b"]", b"(", b")", b"N", b".", b"R", b"b", b"\x81", b"\x85", b"\x86", b"\x87", b"t", b"u", b"s", b"a", b"e", b"0",
    b"1", b"2", b"q\x00", b"h\x00", b"r\xff\xff\xff\x7f", b"p999999999\n", b"U\x04data", b"K\x01", b"I1\n", b"I" + b"9" * 5000 + b"\n",
    b"F1e999\n", b"V\\ud800\n", b"T\xff\xff\xff\x7f", b"B\xff\xff\xff\x7f", b"\x8e" + b"\xff" * 8, b"\x8a\xff", b"\x8b\xff\xff\xff\x7f", b"\x96" + b"\x7f" * 8,
    b"cos\nsystem\n", b"cbuiltins\neval\n", b"ibuiltins\neval\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"c_codecs\nencode\n", b"X\x06\x00\x00\x00latin1",
    b"cnumpy.core.multiarray\n_reconstruct\n", b"o", b"\x8f", b"\x91", b"\x90", b"\x93", b"\x94", b"\x95" + b"\x00" * 8, b"Q", b"P0\n", b"\x82\x01", b"\x98", b"\x97",
]  # fmt: skip
CIFAR_KEYS = (b"data", b"fine_labels", b"coarse_labels", b"fine_label_names", b"coarse_label_names", b"more")
contents = st.one_of(
    st.tuples(st.sampled_from(["train", "test", "meta"]), st.sampled_from(CIFAR_KEYS), st.one_of(pickles, st.just(KeyError))),
    st.tuples(st.sampled_from(["train", "test", "meta"]), st.just(b""), pickles),
    st.tuples(
        st.sampled_from(["train", "test", "meta"]), st.just(b""),
        st.lists(st.sampled_from(STEPS), max_size=25).map(lambda steps: b"\x80\x02" + b"".join(steps) + b"."),
    ),
)  # fmt: skip


@kind("the archive of CIFAR-100: other values in it", 80, st.lists(contents, min_size=1, max_size=2), WELL_FORMED)
def other_values(folder: Path, made: list[tuple]) -> None:
    changed = members()
    for name, key, value in made:
        if not key:
            changed[name] = value
        elif isinstance(changed[name], dict):
            changed[name] |= {key: value}
            if value is KeyError:
                del changed[name][key]
    expect_cifar(read_cifar(folder, packed(plain_tar(pickled(changed)))))


# Images of somebody's own

OWN = images.Images(
    source="images", title="mine", archive="mine", sha256=["0" * 64], side=8, test_fraction=0.25, superclasses={}
)
FORMATS = (
    "png",
    "jpeg",
    "gif",
    "bmp",
    "tiff",
    "webp",
    "ppm",
    "tga",
    "pcx",
    "ico",
    "sgi",
    "dds",
    "jpeg2000",
    "qoi",
    "im",
    "eps",
)


def encoded(format: str, mode: str = "RGB", shade: int = 0, **more: Any) -> bytes:
    made = io.BytesIO()
    pixels = np.random.default_rng(shade).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(made, format, **more)
    return made.getvalue()


def make_encoded(_: Path) -> list[bytes]:
    """Images of all kinds. Those that this Pillow cannot write are left out."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "described"
    made = []
    ways = [
        *((format, "RGB", {}) for format in FORMATS),
        *(("png", mode, {}) for mode in ("L", "LA", "RGBA", "P", "1", "I;16")), ("gif", "P", {"transparency": 0}), ("jpeg", "CMYK", {}),
        ("jpeg", "RGB", {"exif": exif, "progressive": True}), ("png", "RGB", {"exif": exif}), ("tiff", "F", {}), ("tiff", "I;16", {}),
        ("tiff", "RGB", {"compression": "tiff_lzw"}), ("tiff", "RGB", {"exif": exif}), ("webp", "RGBA", {"lossless": True}),
    ]  # fmt: skip
    for format, mode, more in ways:
        try:
            made.append(encoded(format, mode, **more))
        except (KeyError, OSError, ValueError):
            continue
    return made


encodings = once(make_encoded)


@kind("an image: damaged", 300, st.tuples(st.integers(0, 100), damages()), "nothing: an image, or refused in one line")
def damaged_image(folder: Path, made: tuple) -> None:
    number, operations = made
    whole = encodings()[number % len(encodings())]
    expect_image(damaged(whole, operations, encodings()[-1]))


def expect_image(content: bytes) -> None:
    try:
        with refused(DataError):
            found = images.decode(content, 8, "an image")
    except DataError:
        return
    assert (found.shape, found.dtype) == ((8, 8, 3), np.uint8)


def own_images() -> dict[str, bytes]:
    return {f"{label}/{i}.png": encoded("png", shade=i) for label in ("a dog", "cat") for i in range(4)}


def read_images(folder: Path, content: bytes) -> Dataset | None:
    path = folder / "mine"
    path.write_bytes(content)
    try:
        with refused(DataError):
            return images.read(path, OWN)
    except DataError:
        return None


def make_images(folder: Path) -> tuple[bytes, Dataset]:
    Image.init()
    content = plain_tar(own_images())
    dataset = read_images(folder, content)
    assert dataset is not None
    return content, dataset


own = once(make_images)
COMPRESSED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@kind("an archive of images: damaged", 80, damages(*(set(DAMAGES) - {"swap", "double"})), WELL_FORMED)
def damaged_images(folder: Path, operations: list[tuple]) -> None:
    content, dataset = own()
    found = read_images(folder, damaged(content, operations, plain_tar(pickled({"train": 1}))))
    expect_images(found)
    if found is not None and len(operations) == 1 and operations[0][0] == "flip":  # which no checksum misses
        assert found.classes == dataset.classes
        assert found.train.labels.tolist() == dataset.train.labels.tolist()
        assert sum((a != b).any() for a, b in zip(found.train.images, dataset.train.images, strict=True)) <= 1


@kind("a compressed archive of images: damaged", 60, st.tuples(st.sampled_from(sorted(COMPRESSED)), damages()), SAME)
def damaged_compressed(folder: Path, made: tuple) -> None:
    content, dataset = own()
    compress = COMPRESSED[made[0]]
    found = read_images(folder, damaged(compress(content), made[1], compress(b"\0" * 10_240)))
    assert found is None or same(found, dataset)


def expect_images(found: Dataset | None) -> None:
    if found is None:
        return
    for split in (found.train, found.test):
        assert split.images.shape == (len(split), 8, 8, 3) and split.images.dtype == np.uint8
        assert split.labels.dtype == np.int32 and set(split.labels.tolist()) == set(range(len(found.classes)))
    for name in found.classes:
        assert name.encode() and len(name.splitlines()) == 1 and not {"/", ".."} & {name}


CLAIMS = [  # images that say they are huge
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 2**30, 2**30) + b"\x08\x02\0\0\0\0\0\0\0",
    b"BM" + struct.pack("<IHHI", 2**31, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08",
    b"P6 999999 999999 255\n",
]  # fmt: skip
NAMES = [
    "../x", "/etc/x", "cat/../../x", "..", ".", "", "/", "cat", "cat/", "a/b/c/d", "train/cat/1", "../x/1", "\udcff/1", "a\nb/1", "\0/1", "CAT/1",
    "cat/\udcff", "cat/a\nb", "x" * 150 + "/1", "./cat/9", "cat//9", "//cat/9", "C:\\x/1", "bird/1",
]  # fmt: skip
sizes = st.sampled_from([None, 0, -1, -512, 1, 512, 10**6, 10**9, 2**33, 2**62])
tar_entries = st.tuples(
    st.sampled_from([*NAMES, "cat/9", "cat/0.png"]), st.sampled_from([*"0125346789SLKgxDMN", "\0"]), sizes,
    st.one_of(
        st.integers(0, 100), st.sampled_from(CLAIMS), st.binary(max_size=40),
        st.sampled_from([b"9 path=a\n", b"19 path=../../x/12\n", b"0 a=b\n", b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n", b"20 size=-999999999\n", b"11" * 200]),
    ),
    st.sampled_from(["", "/etc/passwd", "../x", "cat/0.png"]),
)  # fmt: skip


@kind(
    "an archive: entries of all kinds", 100, st.tuples(st.booleans(), st.integers(0, 9), st.lists(tar_entries, min_size=1, max_size=3)),
    WELL_FORMED,
)  # fmt: skip
def any_entries(folder: Path, made: tuple) -> None:
    """As an archive of images, or with the same entries in the folder of CIFAR-100's."""
    of_cifar, place, strange = made
    whole = pickled(members()) if of_cifar else own_images()
    entries = [(entry(name, len(content)), content) for name, content in whole.items()]
    for name, kind, size, content, link in strange:
        content = encodings()[content % len(encodings())] if isinstance(content, int) else content
        name = name.replace("cat/9", "cifar-100-python/train") if of_cifar else name
        claimed = len(content) if size is None else size
        entries.insert(place, (entry(name, claimed, type=kind.encode(), linkname=link), content))
    try:
        tar = tar_of(entries)
    except ValueError:  # a header that cannot be written
        return
    if of_cifar:
        expect_cifar(read_cifar(folder, packed(tar)))
    else:
        expect_images(read_images(folder, tar))


# The digits


@kind("the archive of the digits: damaged", 30, damages(), SAME)
def damaged_digits(folder: Path, operations: list[tuple]) -> None:
    content = digits.bundled().read_bytes()
    path = folder / "digits"
    path.write_bytes(damaged(content, operations, gzip.compress(b"1,2\n")))
    try:
        with refused(DataError):
            found = digits.read(path)
    except DataError:
        return
    assert same(found, digits.read(digits.bundled()))


def note(record_property: Callable, kind: str, tried: int, failed: int, remark: str) -> None:
    """For the report of `make torture`."""
    for name, value in {"kind": kind, "tried": tried, "failed": failed, "remark": remark}.items():
        record_property(name, value)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.title for kind in KINDS])
def test_whatever_comes_is_read_right_or_refused(kind, tmp_path, monkeypatch, record_property):
    monkeypatch.chdir(tmp_path)
    tried, failures = try_all(kind, tmp_path)
    note(record_property, kind.title, tried, len(failures), kind.remark)
    assert not failures, f"{len(failures)} of {tried} failed:\n" + "\n".join(failures[:SHOWN])
    assert tried >= number_of(kind) / 2  # fewer: there are not so many different ones
    assert not (tmp_path / "ran").exists()


# What would end Python itself, or fill the memory, is tried in a process of its own

GIGABYTES = 1.5  # far less than what is claimed


def bombs() -> Iterator[tuple[str, str, bytes]]:
    """Archives: what is wrong with each, whose they are, their bytes."""

    def train(content: bytes, more: bytes = b"") -> bytes:
        """CIFAR-100's, with a pickle that ends with a million times `more`, where there is more."""
        repeated = 40 * 2**20 if more else 0
        tar = tar_of([(entry("cifar-100-python/train", len(content) + repeated), content)])[: 512 + len(content)]
        return packed(tar) + gzip.compress(more * 2**20) * 40 if more else packed(tar + b"\0" * 2048)

    def claimed(name: str, size: int, **more: Any) -> bytes:
        """A header, and two gigabytes of zeros."""
        return packed(entry(name, size, **more).tobuf(tarfile.GNU_FORMAT)) + gzip.compress(b"\0" * 2**20, 9) * 2048

    lie = pickle.dumps({b"fine_labels": [Lie(), Lie()]}, 2)
    repeating = b"\x80\x02c_codecs\nencode\nq\0X\0\0\0\4" + b"a" * 2**26 + b"X\6\0\0\0latin1\x86q\1]"
    back = [(entry(f"cat/{i}.png", -1024), b"") for i in range(2)]
    yield "a pickle whose array points anywhere", "cifar100", train(lie)
    yield "tuples in tuples, as a key", "cifar100", train(b"\x80\x02}N" + b"\x85" * 1_900_000 + b"Ns.")
    yield "a pickle of many lists", "cifar100", train(b"\x80\x02", b"]")
    yield "a pickle that numbers high", "cifar100", train(b"\x80\x02Nr\xff\xff\xff\x7f.")
    yield "a pickle that repeats itself", "cifar100", train(repeating + b"h\0h\1Ra" * 50 + b".")
    yield "a member of eight gigabytes", "cifar100", claimed("cifar-100-python/train", 2**33)
    yield "a member of eight gigabytes, not read", "cifar100", claimed("cifar-100-python/more", 2**33)
    yield "a name of eight gigabytes", "images", claimed("././@LongLink", 2**33, type=b"L")
    yield "attributes of eight gigabytes", "images", claimed("x", 2**33, type=b"x")
    yield "an image of two gigabytes", "images", claimed("cat/1", 2**31)
    yield "a size that leads back", "images", tar_of(back)


class Lie:
    """An array with a pointer that the pickle chose."""

    def __reduce__(self) -> tuple:
        return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), (1, (1,), LyingType(), False, b"A" * 8)


class LyingType:
    """A type that says its bytes are no pointers, with a field of pointers."""

    def __reduce__(self) -> tuple:
        return np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)


READER = """
import resource, sys
from pathlib import Path
from alexvgg.data.sources import cifar100, images
from alexvgg.system.errors import DataError
own = images.Images(
    source="images", title="mine", archive="mine", sha256=["0" * 64], side=8, test_fraction=0.25, superclasses={}
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for line in sys.stdin:
    source, path = line.strip().split(" ", 1)
    try:
        if source == "cifar100":
            cifar100.read(Path(path), {"train": 100, "test": 100})
        else:
            images.read(Path(path), own)
    except DataError as error:
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20, error, flush=True)
"""


def test_no_archive_ends_the_program_or_fills_the_memory(tmp_path, record_property):
    tried, failed = 0, 1
    reader = subprocess.Popen([sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for what, source, content in bombs():
            tried += 1
            path = tmp_path / "bomb"
            path.write_bytes(content)
            reader.stdin.write(f"{source} {path}\n")
            reader.stdin.flush()
            with within_time():
                taken, _, said = reader.stdout.readline().partition(" ")
            assert said, f"{what}: not refused ({reader.wait(10)})"
            assert float(taken) < GIGABYTES, (what, taken, said)
        failed = 0
    finally:
        note(record_property, "an archive that is a bomb", tried, failed, "nothing: refused in one line")
        reader.kill()
        reader.communicate()
