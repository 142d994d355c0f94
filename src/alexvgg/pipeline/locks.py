"""What a lock of DVC's says of stages: what they read, with which parameters, and what they made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from alexvgg.pipeline import damage, layout, profiles


@dataclass(frozen=True)
class Recorded:
    """A stage: the md5 of each file by its path, those of folders end in `.dir`; parameters by their file."""

    deps: dict[Path, str]
    outs: dict[Path, str]
    params: dict[str, dict[str, Any]]


def stages(lock: Path) -> dict[str, Recorded]:
    """The stages in a lock, by name; none if there is no such file. Raises DataError."""
    damage.lock(lock)
    content = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    return {
        name: Recorded(_md5s(stage.get("deps", [])), _md5s(stage.get("outs", [])), stage.get("params", {}))
        for name, stage in (content or {}).get("stages", {}).items()
    }


def _md5s(listed: list[dict[str, Any]]) -> dict[Path, str]:
    return {Path(one["path"]): str(one["md5"]) for one in listed if "md5" in one}


def of_report(profile: str) -> Path:
    """The lock in which DVC recorded a profile's report, `dvc.lock` while that is in use. Raises AlexvggError."""
    folder, in_use = layout.reports(profile), profiles.parameters(profile) == layout.PARAMS
    if in_use and made(stages(layout.LOCK), folder):
        return layout.LOCK
    return profiles.lock_of(profile)


def made(recorded: dict[str, Recorded], folder: Path) -> dict[Path, str]:
    """The md5 of each file of the report in `folder`; none in another profile's lock."""
    report = recorded.get("report")
    return {path: md5 for path, md5 in report.outs.items() if path.is_relative_to(folder)} if report else {}
