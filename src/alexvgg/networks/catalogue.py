"""The registered networks, built at the size that the slides draw them, and counted. TensorFlow has to be started."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alexvgg.networks import registry
from alexvgg.networks.architecture import Architecture
from alexvgg.networks.counting import forward_flop


@dataclass(frozen=True)
class Counted:
    """A network for images of `input_size` × `input_size` × 3."""

    input_size: int
    classes: int
    parameters: int
    forward_flop: int | None  # operations of one image's forward pass


def count(names: Iterable[str]) -> dict[str, Counted]:
    """Each of these networks, in the order of the registry. Raises NetworkError if one cannot be trained."""
    wanted = set(names)
    return {name: _count(one) for name, one in registry.ARCHITECTURES.items() if name in wanted}


def _count(architecture: Architecture) -> Counted:
    model = _built(architecture, architecture.input_size, architecture.classes, {})
    return Counted(architecture.input_size, architecture.classes, model.count_params(), forward_flop(model))


def table(counted: dict[str, Counted]) -> str:
    """For a terminal."""
    lines = [f"{'name':<12} {'input':<13} {'classes':>7} {'parameters':>12} {'forward GFLOP':>14}"]
    for name, one in counted.items():
        shape = f"{one.input_size} × {one.input_size} × 3"
        gflop = "unknown" if one.forward_flop is None else f"{one.forward_flop / 1e9:.3f}"
        lines.append(f"{name:<12} {shape:<13} {one.classes:>7} {one.parameters:>12,} {gflop:>14}")
    return "\n".join(lines)


def parameters(architecture: str, crop: int, classes: int, options: dict[str, Any]) -> int:
    """The weights of a network for images of `crop` pixels. Raises NetworkError if it cannot be trained."""
    return int(_built(registry.named(architecture), crop, classes, options).count_params())


def _built(architecture: Architecture, crop: int, classes: int, options: dict[str, Any]) -> Any:
    from alexvgg.networks import checking  # imports TensorFlow

    return checking.build(architecture, crop, classes, options)
