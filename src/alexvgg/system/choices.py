"""Check a name that somebody typed against the names there are."""

import difflib
from collections.abc import Iterable


def refuse_unknown(found: str, allowed: Iterable[str], what: str) -> None:
    """Raise ValueError when `found` is not among `allowed`, with the nearest of them."""
    names = list(allowed)
    if found in names:
        return
    near = difflib.get_close_matches(found, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {what} {found!r}{hint} (allowed: {', '.join(names)})")
