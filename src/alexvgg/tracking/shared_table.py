"""Which runs are of a results table: a tag of the run, so that all clones that use a server have one table together.

A clone says so of the rows that are in its table, and takes it back of those that it knows and that are not in it any
longer. About all others it says nothing. A person may remove the tag by hand.
"""

from collections.abc import Iterable
from typing import Any

from alexvgg.tracking import contents, runs

TAG = "alexvgg.in_table"


def update(client: Any, experiment: str, table: dict[str, str], known: set[tuple[str, str]] | None) -> set[str]:
    """Tag the finished run of each training in `table`; no longer those that are `known` and not in it.

    `table` has keys of trainings and the sha256 of their weights, `known` pairs of them; None knows all. Of runs that
    made the same the newest is tagged. Without any row in `table` nothing is taken back: the table may be elsewhere.
    Returns the ids of all runs that are tagged then.
    """
    of_table, seen = set(), set()
    for run in runs.find_all(client, experiment, "attributes.status = 'FINISHED'"):
        key, tagged = run.data.tags.get(runs.KEY_TAG), TAG in run.data.tags
        ours = _made_one_of(run, table.items())
        inside = ours and key not in seen
        outdated = table and not inside and (ours or known is None or _made_one_of(run, known))
        if inside and not tagged:
            client.set_tag(run.info.run_id, TAG, "true")
        elif tagged and outdated:
            client.delete_tag(run.info.run_id, TAG)
        if inside or (tagged and not outdated):
            of_table.add(run.info.run_id)
        if inside:
            seen.add(key)
    return of_table


def _made_one_of(run: Any, trainings: Iterable[tuple[str, str]]) -> bool:
    """Whether a run has the key and the weights of one of these; version 0.1 noted no weights."""
    key, weights = run.data.tags.get(runs.KEY_TAG), run.data.tags.get(contents.WEIGHTS_TAG)
    return any(key == one and weights in (None, made) for one, made in trainings)


def keys(client: Any, experiment: str) -> set[str]:
    """The keys of the trainings in the table that all clones have together."""
    tagged = runs.find_all(client, experiment, f"tags.`{TAG}` = 'true'")
    return {run.data.tags[runs.KEY_TAG] for run in tagged if runs.KEY_TAG in run.data.tags}
