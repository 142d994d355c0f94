"""DVC's cache: where it is."""

from pathlib import Path


def folder(root: Path) -> Path:
    """Where DVC's settings say that its cache is; its usual place if they cannot be read."""
    from dvc.config import Config

    try:
        return Path(Config(str(root / ".dvc"))["cache"].get("dir") or root / ".dvc/cache")
    except Exception:  # noqa: BLE001 - that they are damaged is said elsewhere
        return root / ".dvc/cache"
