"""Where a training comes from: git, DVC. For tags of a run, never for DVC's outputs."""

import os
import subprocess
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def tags(stage: str) -> dict[str, str]:
    """Git commit, whether there were uncommitted changes, and what DVC calls this stage and its inputs."""
    commit = _git("rev-parse", "HEAD")
    found = {
        "mlflow.source.git.commit": commit,
        "git.dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))).lower() if commit else "",
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": "alexvgg",
        "dvc.stage": stage,
        "dvc.exp_name": os.environ.get("DVC_EXP_NAME", ""),
        "dvc.exp_baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV", ""),
        **{f"dvc.md5.{path}": md5 for path, md5 in _locked_data(Path("dvc.lock")).items()},
    }
    return {name: value for name, value in found.items() if value}


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()


def _locked_data(lock: Path) -> dict[str, str]:
    """DVC's own hashes of the splits, as `preprocess` left them; none while another row's DVC writes the lock."""
    try:
        stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8"))["stages"]
        return {out["path"]: out["md5"] for out in stages["preprocess"]["outs"] if "md5" in out}
    except (OSError, ValueError, YAMLError, LookupError, TypeError):
        return {}
