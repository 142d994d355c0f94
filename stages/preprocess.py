"""DVC stage `preprocess`: the archive into arrays of three splits, their description, two pictures of the data."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg.data import arrays, download, splits
from alexvgg.data.registry import SOURCES
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.reporting import pictures
from alexvgg.system import console


def main() -> None:
    params = file.load(layout.PARAMS)
    guard = layout.guard("preprocess")
    source, chosen = SOURCES[params.data.source], params.preprocess
    title = source.title_of(params.data)
    archive_sha256 = download.verify(layout.ARCHIVE, params.data, title)
    dataset = source.read(layout.ARCHIVE, params.data)
    train, val = splits.split_validation(dataset.train, chosen.val_fraction, chosen.split_seed)
    parts = {"train": train, "val": val, "test": dataset.test}
    guard.check()
    description = splits.describe(
        dataset,
        parts,
        sha256={name: arrays.save(layout.SPLITS[name], split) for name, split in parts.items()},
        source=params.data.source,
        title=title,
        archive_sha256=archive_sha256,
        resize=chosen.resize,
        crop=chosen.crop,
    )
    arrays.save_description(layout.DESCRIPTION, description)
    pictures.crops(layout.PICTURES / "crops.png", train.images[0], chosen.resize, chosen.crop, chosen.split_seed)
    pictures.montage(layout.PICTURES / "montage.png", train, description)


if __name__ == "__main__":
    console.stage(main, __doc__)
