"""Settings of the test run: the same random logs on every machine and in every run; a browser; notebooks run once."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The oracles and the random logs are modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "fixed",
    derandomize=True,
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "search", parent=settings.get_profile("fixed"), derandomize=False, max_examples=2_000
)
settings.load_profile(os.environ.get("SAFAR_HYPOTHESIS", "fixed"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; what needs it is skipped where there is none."""
    sync = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need playwright (make test installs it)"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for path in map(shutil.which, names) if path), None)
    if program is None:
        pytest.skip("no Chromium is installed (scripts/install_chromium.sh installs one)")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Gives the file of a notebook as it is after a run; each is run once, for its own test and for its page."""
    folder = tmp_path_factory.mktemp("notebooks")

    @cache
    def ran_once(path: Path) -> Path:
        import nbformat

        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(Path(__file__).resolve().parent.parent / "scripts")
            patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
            from run_notebook import run

            nbformat.write(run(path), folder / path.name)
        return folder / path.name

    return ran_once
