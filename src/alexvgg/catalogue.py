"""Every network that a roster can name, built at its own size. TensorFlow has to be started."""

from typing import Any

from alexvgg import models
from alexvgg.anatomy import forward_flops


def rows() -> list[dict[str, Any]]:
    """Name, input shape, classes, parameters, and 10⁹ operations of one image's forward pass."""
    found = []
    for name, architecture in models.ARCHITECTURES.items():
        size = architecture.input_size
        model = architecture.build(size, architecture.classes, {})
        found.append(
            {
                "name": name,
                "input": [size, size, 3],
                "classes": architecture.classes,
                "parameters": model.count_params(),
                "gflop": round(forward_flops(model) / 1e9, 3),
            }
        )
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """For a terminal."""
    lines = [f"{'name':<12} {'input':<13} {'classes':>7} {'parameters':>12} {'forward GFLOP':>14}"]
    for row in rows:
        shape = " × ".join(map(str, row["input"]))
        lines.append(
            f"{row['name']:<12} {shape:<13} {row['classes']:>7} {row['parameters']:>12,} {row['gflop']:>14.3f}"
        )
    return "\n".join(lines)
