"""Run a notebook of the project from top to bottom, as its page and its test need it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

__all__ = ["run"]

ROOT = Path(__file__).resolve().parent.parent
# Charts as pictures: the site has nothing that draws them.
CHARTS = "import altair; altair.renderers.enable('png', scale_factor=2)"


def run(path: Path) -> Any:
    """The notebook with what its cells show; files that it writes are gone."""
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
