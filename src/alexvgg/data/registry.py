"""The registry of data sets. A new one is a file in `sources/` and a line in SOURCES."""

from alexvgg.data.source import Source
from alexvgg.data.sources import cifar100, digits, images

SOURCES: dict[str, Source] = {
    "digits": digits.SOURCE,
    "cifar100": cifar100.SOURCE,
    "images": images.SOURCE,
}
