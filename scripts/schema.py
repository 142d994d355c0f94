"""Write what editors check params.yaml with, and the page of all parameters.

python scripts/schema.py
"""

import json
from pathlib import Path

from alexvgg.params import json_schema, reference
from alexvgg.system import files

ROOT = Path(__file__).parent.parent
# A profile and its copy, params.yaml, name the same path, so there is a schema beside each.
BESIDE_PROFILES = {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "../params.schema.json"}


def contents() -> dict[str, str]:
    """What is written, by path in the project."""
    schema = json_schema.schema()
    return {
        "params.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        "profiles/params.schema.json": json.dumps(BESIDE_PROFILES, indent=2) + "\n",
        "docs/reference/parameters.md": reference.page(schema),
    }


def main() -> None:
    for name, text in contents().items():
        files.write_text(ROOT / name, text)


if __name__ == "__main__":
    main()
