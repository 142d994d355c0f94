"""MLflow's database of a project that was moved or copied: where it says that files lie.

MLflow stores absolute addresses, and `mlflow db move-resources` leaves those of runs as they are.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
FOLDER = "/mlruns/"


def relocate(database: Path, artifacts: Path) -> bool:
    """Make the addresses in a database those of files in `artifacts`, which is called `mlruns`. Whether it had to.

    All of them or none; the database as it was is kept beside it (`.before-move`). Addresses of other kinds are left
    alone. Raises sqlite3.Error if it is no database of MLflow's.
    """
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        old = [location for location in _locations(connection) if not location.startswith(_uri(artifacts))]
        moved = {_beginning(location) for location in old if _is_of_a_project(location)}
        if not moved:
            return False
        shutil.copyfile(database, database.with_name(database.name + ".before-move"))
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for table, column in ADDRESSES:
                for beginning in moved:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                        (_uri(artifacts), len(beginning) + 1, len(beginning), beginning),
                    )
    return True


def _locations(connection: sqlite3.Connection) -> list[str]:
    """Where the experiments of this project keep their files."""
    found = connection.execute("SELECT artifact_location FROM experiments WHERE artifact_location LIKE 'file:///%'")
    return [location for (location,) in found]


def _is_of_a_project(location: str) -> bool:
    """Whether it has the form that this project gives it."""
    return location.rpartition(FOLDER)[2].startswith("alexvgg-") and FOLDER in location


def _beginning(location: str) -> str:
    return location.rpartition(FOLDER)[0] + FOLDER


def _uri(artifacts: Path) -> str:
    return artifacts.resolve().as_uri() + "/"
