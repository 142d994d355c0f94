"""Which runs are of a results table: a tag of the run, so that all clones that use a server have one table together.

A clone says so of the rows that are in its table, and takes it back of those that it knows and that are not in it any
longer. About all others it says nothing. A person may remove the tag by hand.
"""

from typing import Any

from alexvgg.tracking import runs

TAG = "alexvgg.in_table"


def update(client: Any, experiment: str, table: set[str], known: set[str] | None) -> set[str]:
    """Tag the finished runs of the trainings whose key is in `table`; no longer those that are `known` and not in it.

    None knows all. Without any row in `table` nothing is taken back: the table may be elsewhere. Returns the ids of all
    runs that are tagged then.
    """
    of_table = set()
    for run in runs.find_all(client, experiment, "attributes.status = 'FINISHED'"):
        key, tagged = run.data.tags.get(runs.KEY_TAG), TAG in run.data.tags
        outdated = table and key not in table and (known is None or key in known)
        if key in table and not tagged:
            client.set_tag(run.info.run_id, TAG, "true")
        elif tagged and outdated:
            client.delete_tag(run.info.run_id, TAG)
        if key in table or (tagged and not outdated):
            of_table.add(run.info.run_id)
    return of_table


def keys(client: Any, experiment: str) -> set[str]:
    """The keys of the trainings in the table that all clones have together."""
    tagged = runs.find_all(client, experiment, f"tags.`{TAG}` = 'true'")
    return {run.data.tags[runs.KEY_TAG] for run in tagged if runs.KEY_TAG in run.data.tags}
