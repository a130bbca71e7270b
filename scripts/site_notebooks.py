"""Hook of mkdocs.yml: the notebooks as pages, with what they show. They are run while the site is built."""

from __future__ import annotations

import base64
import html
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files
from run_notebook import run

__all__ = ["on_files", "on_page_content"]

ROOT = Path(__file__).resolve().parent.parent
# The variable that names a folder with notebooks that `run` ran before, such as those of the tests.
BEFORE = "SAFAR_NOTEBOOKS"
PLACE = re.compile(r'<div class="output" data-output="([^"]+)"></div>')

# What stands in the places of the pages: HTML that is no matter of Markdown.
_outputs: dict[str, str] = {}


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """Run the notebooks side by side, and add a page for each and a file for each of its pictures."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    with ThreadPoolExecutor(2) as pool:
        for path, notebook in zip(paths, pool.map(_ran, paths), strict=True):
            page = f"notebooks/{path.stem}.md"
            files.append(File.generated(config, page, content=_page(path.stem, notebook, files, config)))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Put what notebooks show into its places."""
    return PLACE.sub(lambda place: f'<div class="output">{_outputs[place[1]]}</div>', content)


def _ran(path: Path) -> Any:
    """A notebook with what it shows: as somebody ran it before, or run now."""
    before = os.environ.get(BEFORE)
    return run(path) if before is None else nbformat.read(Path(before) / path.name, as_version=4)


def _page(name: str, notebook: Any, files: Files, config: Any) -> str:
    """A notebook as Markdown; its pictures become files of the site."""
    parts = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source.replace('<div dir="rtl">', '<div dir="rtl" lang="fa" markdown>'))
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for place, output in enumerate(cell.outputs):
            key = f"{name}-{number}-{place}"
            data = output.get("data", {})
            if "image/png" in data:
                size = output.get("metadata", {}).get("image/png", {}).get("width")
                picture = f"notebooks/{key}.png"
                files.append(File.generated(config, picture, content=base64.b64decode(data["image/png"])))
                _outputs[key] = f'<img src="{key}.png" width="{round(size)}" alt="{_last_line(cell.source)}">'
            elif "text/html" in data:
                _outputs[key] = data["text/html"]
            else:
                _outputs[key] = f"<pre>{html.escape(data.get('text/plain', output.get('text', '')))}</pre>"
            parts.append(f'<div class="output" data-output="{key}"></div>')
    return "\n\n".join(parts) + "\n"


def _last_line(source: str) -> str:
    """What draws a chart, as the words for it where the picture can't be seen."""
    return html.escape(source.strip().splitlines()[-1])
