"""Pictures as addresses that have them in themselves, for a page that needs no other file."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

STRONG = (38, 125, 205)  # of a share of 1 in `shares`; less is fainter, on light and dark alike


def picture(path: Path) -> str:
    """A PNG file, or the same as JPEG where that is smaller, as it is for photographs."""
    whole = path.read_bytes()
    small = _written(Image.open(io.BytesIO(whole)).convert("RGB"), "jpeg", quality=85)
    return _address("png", whole) if len(whole) <= len(small) else _address("jpeg", small)


def image(pixels: np.ndarray) -> str:
    """An image of the data, uint8 (side, side, 3)."""
    return _address("png", _written(Image.fromarray(pixels), "png"))


def shares(values: np.ndarray) -> str:
    """A pixel a share, float (rows, columns); where there is none, the page shows through."""
    pixels = np.zeros((*values.shape, 4), np.uint8)
    pixels[..., :3] = STRONG
    pixels[..., 3] = np.rint(255 * np.sqrt(np.clip(values, 0, 1)))
    return _address("png", _written(Image.fromarray(pixels), "png"))


def _written(content: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    content.save(file, format=kind, optimize=True, **options)
    return file.getvalue()


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
