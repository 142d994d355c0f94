"""Profiles: complete parameter files with a lock of DVC's each, of which one is in use.

`profiles/<name>.yaml` is copied to `params.yaml`, `profiles/<name>.lock` to `dvc.lock`, after the lock of the profile
that was in use is kept. So DVC finds each profile's rows again, here and after `dvc pull`.
"""

from pathlib import Path

from alexvgg.params import file
from alexvgg.params.schema import Params
from alexvgg.pipeline import damage, layout
from alexvgg.system import files
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import ParamsError


def use(name: str) -> None:
    """Make a profile the one in use.

    Raises ParamsError where there is no such, or edits would be lost, and DataError where a lock is damaged.
    """
    profiles = _profiles()
    _require(name, profiles)
    damage.parameters(profiles[name])
    _load(name, profiles)  # a profile that cannot be used is not put in place
    damage.parameters(layout.PARAMS)
    current = in_use()
    if current == name:
        return
    if current is None and layout.PARAMS.exists():
        raise ParamsError(
            "params.yaml has edits that are in no profile; set another `profile` in it and copy it to "
            "profiles/<that name>.yaml to keep them, "
            f"or delete it, then run this again (or run `make repro` without PROFILE={name} to use it unchanged)"
        )
    kept = lock_of(name)
    damage.lock(kept)
    if current is not None:
        keep_lock()
    layout.PARAMS.unlink(missing_ok=True)  # last to be there: what is interrupted before is done again
    if kept.exists():
        files.write_bytes(layout.LOCK, kept.read_bytes())
    else:
        layout.LOCK.unlink(missing_ok=True)
    files.write_bytes(layout.PARAMS, profiles[name].read_bytes())


def in_use() -> str | None:
    """The profile with the values of `params.yaml`; None if it has other values than each of them."""
    if (current := _values(layout.PARAMS)) is None:
        return None
    same = [name for name, path in _profiles().items() if _values(path) == current]
    return current.profile if current.profile in same else next(iter(same), None)


def parameters(name: str) -> Path:
    """The parameter file of a profile, in use or not. Raises ParamsError."""
    if layout.PARAMS.exists() and file.load(layout.PARAMS).profile == name:
        return layout.PARAMS
    profiles = _profiles()
    _require(name, profiles)
    _load(name, profiles)
    return profiles[name]


def keep_lock() -> None:
    """Copy `dvc.lock` to the lock of the profile in use, if `params.yaml` is that profile's.

    Raises DataError if it is damaged, and leaves the kept one as it is.
    """
    name = in_use()
    damage.lock(layout.LOCK)
    if name is not None and layout.LOCK.exists():
        content = layout.LOCK.read_bytes()
        if not lock_of(name).exists() or lock_of(name).read_bytes() != content:
            files.write_bytes(lock_of(name), content)


def _load(name: str, profiles: dict[str, Path]) -> None:
    """Raises ParamsError if a profile cannot be used, or has another one's name, whose results it would replace."""
    if (written := file.load(profiles[name]).profile) != name and written in profiles:
        raise ParamsError(f"{profiles[name]}: profile: {written!r}; set it to {name}, or rename the file")


def _require(name: str, profiles: dict[str, Path]) -> None:
    """Raises ParamsError if there is no such profile."""
    try:
        refuse_unknown(name, profiles, "profile")
    except ValueError as error:
        raise ParamsError(str(error)) from None


def _profiles() -> dict[str, Path]:
    return {path.stem: path for path in sorted(layout.PROFILES.glob("*.yaml"))}


def lock_of(name: str) -> Path:
    """The lock of a profile, which is kept while another one is in use."""
    return layout.PROFILES / f"{name}.lock"


def _values(path: Path) -> Params | None:
    """What is set in a parameter file; None if it cannot be used."""
    try:
        return file.load(path)
    except ParamsError:
        return None
