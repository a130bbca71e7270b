"""Servers of its own for a test, on free ports, and tabs of headless Chromium that can reach nothing else."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

PYTHON = Path(__file__).resolve().parent.parent / "python"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell is in the page, whether it is in sight or not, with all that it gave.
    "notebook-extension/tracker": {"windowingMode": "none", "maxNumberOutputs": 1_000},
}
PLACES = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "IPYTHONDIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(
    arguments: list[str], address: str, folder: Path, variables: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a module of Python that serves an address, and stop it afterwards; what it says goes into the folder."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(PYTHON), os.environ.get("PYTHONPATH", "")])
    }
    said = folder / "server.log"
    with said.open("wb") as log:
        command = [sys.executable, "-m", *arguments]
        server = subprocess.Popen(
            command, env=environment | (variables or {}), stdout=log, stderr=log, cwd=folder
        )
    try:
        for _ in range(120):
            if server.poll() is None and answers(address):
                break
            time.sleep(0.5)
        else:
            raise RuntimeError(f"{address} does not answer: {said.read_text()}")
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


@dataclass
class Visitor:
    """A browser that looks at one server; what pages want from elsewhere is refused and noted."""

    browser: Any
    address: str
    elsewhere: list[str] = field(default_factory=list)

    @contextmanager
    def visiting(self, path: str = "/") -> Iterator[Any]:
        """A tab with a page of the server."""
        context = self.browser.new_context(viewport={"width": 1400, "height": 1200})
        context.route("**/*", self._from_here_only)
        tab = context.new_page()
        tab.goto(self.address + path)
        yield tab
        context.close()

    def _from_here_only(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:", "about:")):
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()


@dataclass
class Lab:
    """A JupyterLab that runs, and who looks at it."""

    visitor: Visitor
    token: str
    folder: Path

    def keep(self, name: str, cells: list[str]) -> None:
        """Write a notebook of these cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.folder / name)

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """A tab with a notebook that has run to its end."""
        with self.visitor.visiting(f"/lab/tree/{name}?token={self.token}&reset") as tab:
            for ready in ("content?.widgets?.length", "sessionContext?.isReady"):
                tab.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.{ready}", timeout=60_000)
            tab.evaluate("window.jupyterapp.shell.collapseLeft()")
            tab.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
            yield tab

    def outputs(self, tab: Any, name: str) -> list[dict[str, Any]]:
        """What the cells gave, as it is saved in the notebook."""
        tab.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        notebook = nbformat.read(self.folder / name, as_version=4)
        return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@contextmanager
def running_lab(folder: Path, browser: Any) -> Iterator[Lab]:
    """Start JupyterLab in a folder that has all of its settings and notebooks, and stop it afterwards."""
    places = {name: str(folder / name.lower()) for name in PLACES} | {"JUPYTER_PLATFORM_DIRS": "1"}
    for name, setting in SETTINGS.items():
        path = Path(places["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", f"{name}.jupyterlab-settings")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    port, token = free_port(), secrets.token_hex()
    address = f"http://127.0.0.1:{port}"
    command = [
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={notebooks}",
    ]
    with serving(command, f"{address}/api/status?token={token}", folder, places):
        yield Lab(Visitor(browser, address), token, notebooks)
