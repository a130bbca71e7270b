"""Takes the pictures of pages that README and documentation show: `make pictures`. Look at them before keeping them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from safar.cli import main

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH, HEIGHT = 1320, 1880
# Name of the picture, language of the demo, and which fields of the form are set to which place before.
PICTURES: tuple[tuple[str, str, dict[int, int]], ...] = (
    ("demo", "en", {}),
    ("demo_fa", "fa", {}),
    ("demo_chosen", "en", {0: 1, 2: 3}),
)


def take(browser: Any, page: Path, choices: dict[int, int], picture: Path) -> None:
    """Open a page, choose, and keep what its window shows."""
    tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    tab.goto(page.as_uri())
    fields = tab.locator("form.filters:visible select")
    fields.first.wait_for()
    for field, place in choices.items():
        fields.nth(field).select_option(index=place)
    tab.screenshot(path=picture)
    tab.close()
    print(picture)


def run() -> None:
    """Write the demo in each language, and take its pictures."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("no Chromium is installed; scripts/install_chromium.sh installs one")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, language, choices in PICTURES:
            page = Path(folder, f"{name}.html")
            if main(["demo", "--quiet", "--language", language, "--dashboard", str(page)]):
                raise SystemExit(1)
            take(browser, page, choices, IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    run()
