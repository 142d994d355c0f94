"""`alexvgg pack`: a directory of images, one folder per class, as one archive with a sha256."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from alexvgg.data.sources import images
from alexvgg.data.sources.images import Member
from alexvgg.system import files
from alexvgg.system.errors import DataError

SHOWN = 3  # names of files that cannot be read

ENTRY = """\
{archive}: {count} images, {classes} classes. In params.yaml:

data:
  source: images
  title: {title}
  archive: {named}
  sha256: [{sha256}]
  side: 64 # pixels: the middle square of each image is resized to it
  test_fraction: {test_fraction}
  superclasses: {{}} # or groups of classes, such as {{animals: [cat, dog]}}"""


def pack(directory: Path, output: Path | None) -> None:
    """Write the archive, once every image in it can be read; print its entry. Raises DataError."""
    members = list(_members(directory))
    classes = images.class_names(members)
    archive = output or Path(f"{directory.resolve().name}.tar")
    with files.replacing(archive, suffix=".tar") as temporary, tarfile.open(temporary, "w") as tar:
        for member in members:
            entry = tarfile.TarInfo(member.path)  # without time and owner: the same images give the same archive
            entry.size = len(member.content)
            tar.addfile(entry, io.BytesIO(member.content))
    split = any(member.part for member in members)
    print(
        ENTRY.format(
            archive=archive,
            named=_named(archive),
            count=f"{len(members):,}",
            classes=len(classes),
            title=_scalar(directory.resolve().name),
            sha256=files.sha256(archive),
            test_fraction="null # there is a test/" if split else "0.2 # of each class",
        )
    )


def _named(archive: Path) -> str:
    """An archive as params.yaml names it: by its path in the project, or, where it is in none, in full."""
    path = archive.resolve()
    root = next((one for one in path.parents if (one / "dvc.yaml").is_file()), None)
    return _scalar(str(path.relative_to(root) if root else path))


def _scalar(text: str) -> str:
    """A string in YAML: in quotes where it would be something else."""
    try:
        plain = YAML(typ="safe", pure=True).load(f"name: {text}") == {"name": text}
    except YAMLError:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False)


def _members(directory: Path) -> Iterator[Member]:
    """The images in a directory, in order of their paths. Raises DataError, naming those that cannot be read."""
    if not directory.is_dir():
        raise DataError(f"{directory} is not a directory; name one with a folder of images for each class")
    filled, unreadable = set[Path](), []
    paths = [path for path in sorted(directory.rglob("*")) if not _hidden(path, directory)]
    for path in paths:
        if path.is_symlink() and not path.is_file():
            raise DataError(f"{path} is a link to {path.readlink()}, which is no file; put what it means here itself")
    for path in (path for path in paths if path.is_file()):
        *folders, name = path.relative_to(directory).parts
        parted = len(folders) == 2 and folders[0] in images.PARTS
        if len(folders) != 1 and not parted:
            where = "beside the folders of classes" if not folders else "in a folder of a folder"
            raise DataError(f"{path} lies {where}; images lie in <class>/, or in train/<class>/ and test/<class>/")
        member = Member(folders[0] if parted else "", folders[-1], name, path.read_bytes())
        try:
            images.decode(member.content, 8, str(path))
        except DataError as error:
            unreadable.append(str(error))
        filled |= {path.parent, path.parent.parent}
        yield member
    if unreadable:
        more = f" (and {len(unreadable) - SHOWN} more)" if len(unreadable) > SHOWN else ""
        raise DataError("; ".join(unreadable[:SHOWN]) + more)
    empty = [str(path) for path in paths if path.is_dir() and path not in filled]
    if empty or not filled:
        raise DataError(f"{', '.join(empty) or directory} has no images; remove it, or add some")


def _hidden(path: Path, directory: Path) -> bool:
    """Such as `.DS_Store`, and what Windows leaves."""
    return path.name == "Thumbs.db" or any(part.startswith(".") for part in path.relative_to(directory).parts)
