"""Makes logins on the MLflow server that MLFLOW_TRACKING_URI names, and prints their passwords.

Usage: scripts/logins.py writer|viewer NAME…, as a login that is an administrator. See docs/how-to/team-server.md.
"""

import os
import secrets
import sys

from mlflow.server import get_app_client

WRITER = (("workspace", "USE"), ("experiment", "EDIT"), ("registered_model", "EDIT"))  # who has no role may only read


def main(kind: str, *names: str) -> None:
    auth = get_app_client("basic-auth", os.environ["MLFLOW_TRACKING_URI"])
    roles = {role.name: role.id for role in auth.list_roles("default")}
    if "writer" not in roles:
        roles["writer"] = auth.create_role("default", "writer").id
        for what, may in WRITER:
            auth.add_role_permission(roles["writer"], what, "*", may)
    for name in names:
        password = secrets.token_urlsafe(12)
        auth.create_user(name, password)
        if kind == "writer":
            auth.assign_role(name, roles["writer"])
        print(name, password)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("writer", "viewer"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
