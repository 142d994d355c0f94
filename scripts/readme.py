"""Write the results tables into the READMEs, between a marker and the next blank line.

python scripts/readme.py
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.ko.md", "docs/reference/results.md")
MARKER = re.compile(r"(<!-- (?:results of )?reports/([a-z0-9-]+)[^>]*-->\n)((?:\|.*\n)+)")


def with_tables(text: str) -> str:
    """A README's text with each table that has a marker as it is in `reports/`."""
    return MARKER.sub(lambda match: match[1] + table(match[2]), text)


def table(profile: str) -> str:
    """The first table of a report."""
    found = re.search(r"^(?:\|.*\n)+", (ROOT / "reports" / profile / "results.md").read_text(encoding="utf-8"), re.M)
    assert found is not None, profile
    return found[0]


if __name__ == "__main__":
    for name in READMES:
        path = ROOT / name
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
