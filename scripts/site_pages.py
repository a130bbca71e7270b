"""Hook of mkdocs.yml: files of the project beside docs/ become pages, and links to them lead there."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

__all__ = ["on_files", "on_page_markdown"]

ROOT = Path(__file__).resolve().parent.parent
# Files of the project, and the pages that they are in the site.
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.fa.md": "fa/readme.md",
    "README.md": "readme.md",
}
# What a link leads to that has an address inside the project: after "](" of Markdown or 'src="' of HTML.
LINK = re.compile(r'(?<=\]\()(?![a-z]+:|#)[^)\s#]+|(?<=src=")(?![a-z]+:)[^"]+')


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """Add the files of the project that are pages."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links that are written for the project's folders lead to pages of the site."""
    here = page.file.src_uri
    there = next((source for source, made in PAGES.items() if made == here), f"docs/{here}")

    def to_page(link: re.Match[str]) -> str:
        return _in_site(link[0], there, here)

    return LINK.sub(to_page, markdown)


def _in_site(link: str, source: str, page: str) -> str:
    """A link that stands in `source`, a file of the project, as it is from `page`."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    if path.startswith("notebooks/") and path.endswith(".ipynb"):
        target = path.removesuffix(".ipynb") + ".md"
    elif path.startswith("docs/"):
        target = path.removeprefix("docs/")
    elif path in PAGES:
        target = PAGES[path]
    else:
        return link  # nothing that the site has: the strict build says so
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
