"""The registry of networks. A new one is a file beside this one, its import and a line in ARCHITECTURES."""

from alexvgg.networks import alexnet, alexnet_vgg, vgg
from alexvgg.networks.architecture import Architecture
from alexvgg.system.choices import refuse_unknown

ARCHITECTURES: dict[str, Architecture] = {
    "alexnet": alexnet.ARCHITECTURE,
    "alexnet_vgg": alexnet_vgg.ARCHITECTURE,
    "vgg16": vgg.VGG16,
    **vgg.FAMILY,
}


def named(architecture: str) -> Architecture:
    """The architecture of that name. Raises ValueError, saying which there are."""
    refuse_unknown(architecture, ARCHITECTURES, "architecture")
    return ARCHITECTURES[architecture]
