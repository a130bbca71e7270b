"""Hook of mkdocs.yml: the notebooks as pages, run while the site is built, with what they show."""

from __future__ import annotations

import asyncio
import base64
import html
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient

__all__ = ["on_files", "on_page_content"]

ROOT = Path(__file__).resolve().parent.parent
# Charts as pictures: what draws them in a notebook is loaded from the network.
CHARTS = "import altair; altair.renderers.enable('png', scale_factor=2)"
PLACE = re.compile(r'<div class="output" data-output="([^"]+)"></div>')

# What stands in the places of the pages: HTML that is no matter of Markdown.
_outputs: dict[str, str] = {}


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """Run the notebooks side by side, and add a page for each and a file for each of its pictures."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    with ThreadPoolExecutor(2) as pool:
        for path, notebook in zip(paths, pool.map(_run, paths), strict=True):
            page = f"notebooks/{path.stem}.md"
            files.append(File.generated(config, page, content=_page(path.stem, notebook, files, config)))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Put what notebooks show into its places."""
    return PLACE.sub(lambda place: f'<div class="output">{_outputs[place[1]]}</div>', content)


def _run(path: Path) -> Any:
    """A notebook as it is after a run from top to bottom."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(CHARTS))
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]),
            "IPYTHONDIR": str(Path(folder) / "ipython"),
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        asyncio.run(client.async_execute(env=environment))
    del notebook.cells[0]
    return notebook


def _page(name: str, notebook: Any, files: Files, config: Any) -> str:
    """A notebook as Markdown; its pictures become files of the site."""
    parts = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
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
