"""A JupyterLab of its own for tests: on a free port, in temporary folders, in headless Chromium without a network."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

PYTHON = Path(__file__).resolve().parent.parent / "python"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell is in the page, whether it is in sight or not.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@dataclass
class Lab:
    """A server that runs, and a browser that looks at it."""

    address: str
    token: str
    folder: Path
    browser: Any
    asked_elsewhere: list[str] = field(default_factory=list)

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
        """A tab with a notebook that has run to its end; it can reach nothing but the server."""
        context = self.browser.new_context(viewport={"width": 1400, "height": 1200})
        context.route("**/*", self._from_here_only)
        tab = context.new_page()
        tab.goto(f"{self.address}/lab/tree/{name}?token={self.token}&reset")
        for ready in ("content?.widgets?.length", "sessionContext?.isReady"):
            tab.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.{ready}", timeout=60_000)
        tab.evaluate("window.jupyterapp.shell.collapseLeft()")
        tab.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        yield tab
        context.close()

    def outputs(self, tab: Any, name: str) -> list[dict[str, Any]]:
        """What the cells gave, as it is saved in the notebook."""
        tab.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        notebook = nbformat.read(self.folder / name, as_version=4)
        return [output for cell in notebook.cells for output in cell.get("outputs", [])]

    def _from_here_only(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.asked_elsewhere.append(route.request.url)
            route.abort()


@contextmanager
def running_lab(folder: Path, browser: Any) -> Iterator[Lab]:
    """Start JupyterLab in a folder, and stop it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    places = {
        name: str(folder / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "IPYTHONDIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
        )
    }
    for name, setting in SETTINGS.items():
        path = Path(places["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", f"{name}.jupyterlab-settings")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    environment = (
        os.environ
        | places
        | {
            "PYTHONPATH": os.pathsep.join([str(PYTHON), os.environ.get("PYTHONPATH", "")]),
            "JUPYTER_PLATFORM_DIRS": "1",
        }
    )
    command = [
        sys.executable,
        "-m",
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
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=notebooks)
    lab = Lab(f"http://127.0.0.1:{port}", token, notebooks, browser)
    try:
        wait_for(lab, server, folder / "server.log")
        yield lab
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    for _ in range(120):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{lab.address}/api/status?token={lab.token}", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"JupyterLab does not answer: {log.read_text()}")
