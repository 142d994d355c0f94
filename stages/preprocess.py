"""DVC stage `preprocess`: the archive into arrays of three splits, their description, two pictures of the data."""

import _project  # noqa: F401, I001 - before everything else

from alexvgg import console, layout, params_file
from alexvgg.data import arrays, cifar100, digits, download, pictures, preprocess


def main() -> None:
    settings = params_file.load(layout.PARAMS)
    guard = layout.guard("preprocess")
    archive_sha256 = download.verify(layout.ARCHIVE, settings.data)
    reader = {"cifar100": cifar100.read, "digits": digits.read}[settings.data.source]
    dataset = reader(layout.ARCHIVE)
    chosen = settings.preprocess
    train, val = preprocess.split_validation(dataset.train, chosen.val_fraction, chosen.split_seed)
    splits = {"train": train, "val": val, "test": dataset.test}
    guard.check()
    sha256 = {name: arrays.save(layout.SPLITS[name], split) for name, split in splits.items()}
    description = preprocess.describe(dataset, splits, sha256, settings.data.source, archive_sha256, chosen)
    arrays.save_description(layout.DESCRIPTION, description)
    folder = layout.reports(settings.profile)
    pictures.crops(folder / "crops.png", train.images[0], chosen.resize, chosen.crop, chosen.split_seed)
    pictures.montage(folder / "montage.png", train, description)


if __name__ == "__main__":
    console.stage(main, __doc__)
