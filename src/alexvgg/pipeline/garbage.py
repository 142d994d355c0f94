"""DVC's garbage collection for all profiles. DVC itself knows only the one in use."""

import shutil
import tempfile
from pathlib import Path

from alexvgg.system.errors import AlexvggError


def collect(pipeline: Path, locks: list[Path]) -> None:
    """Remove from the cache what neither the workspace nor one of these locks needs. Raises AlexvggError.

    Each profile becomes a project of its own for a moment, on the same cache, which DVC is asked to spare.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    for lock in locks:
        if not lock.with_suffix(".yaml").exists():
            raise AlexvggError(f"{lock} has no {lock.with_suffix('.yaml')}; bring that back, or remove the lock")
    with tempfile.TemporaryDirectory() as folder, Repo() as repo:
        cache = repo.cache.local.path
        projects = [_project(Path(folder) / lock.stem, pipeline, lock, cache) for lock in locks]
        try:
            # A directory that is not in the cache, such as one that was never pulled, is no reason to stop.
            repo.gc(workspace=True, repos=[str(project) for project in projects], force=True)
        except DvcException as error:
            raise AlexvggError(f"DVC removed nothing: {error}") from None


def _project(folder: Path, pipeline: Path, lock: Path, cache: str) -> Path:
    from dvc.repo import Repo

    folder.mkdir()
    shutil.copy(pipeline, folder / "dvc.yaml")
    shutil.copy(lock, folder / "dvc.lock")
    shutil.copy(lock.with_suffix(".yaml"), folder / "params.yaml")
    with Repo.init(str(folder), no_scm=True) as project, project.config.edit() as config:
        config["cache"]["dir"] = str(Path(cache).parent.parent)
    return folder
