"""The documents as a site: `make docs`. Sphinx with MyST reads Markdown as GitHub does, and its pages need no network.

The Markdown stays as it is. Pages of other folders take part, since documents link to them. What is on the left, and in
which order, is read off the lists of docs/README.md.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

INDEX = "docs/README"
LINK = re.compile(r"^- \[[^\]]+\]\(([^)#]+)\.md\)", re.MULTILINE)

project = "alexvgg"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/**/*.md", "reports/**/*.md", "benchmarks/results/*.md"]
suppress_warnings = ["toc.not_included"]  # reports are reached from docs/reference/results.md
myst_heading_anchors = 4
html_theme = "furo"
html_title = project
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Append to the start page, out of sight, the lists of the index, a caption for each of its headings."""
    if page != root_doc:
        return
    index = (Path(app.srcdir) / f"{INDEX}.md").read_text(encoding="utf-8")
    for part in index.split("\n## "):
        caption, _, body = part.partition("\n")
        pages = [f"docs/{found}" for found in LINK.findall(body)]
        head = [":caption: " + caption] if pages else []
        pages = pages or [INDEX, "docs/start"]
        source[0] += "\n\n```{toctree}\n" + "\n".join([":hidden:", *head, "", *pages]) + "\n```\n"


def add_entrance(app: Sphinx, error: Exception | None) -> None:
    """Let a browser that asks for the folder find the start page."""
    if error is None:
        page = f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)
    app.connect("build-finished", add_entrance)
