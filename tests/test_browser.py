"""The page in a real browser: what readers and their tools meet there, in both languages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import safar
from safar.pages import Page, dashboard

sync = pytest.importorskip(
    "playwright.sync_api", reason="the browser tests need playwright (make test installs it)"
)
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the browser tests need axe (make test installs it)"
)
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium is installed (scripts/install_chromium.sh installs one)"
)
LANGUAGES = ("en", "fa")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Page, Path]]:
    shop = safar.datasets.shop(1200)
    log = shop.log().with_map(safar.JourneyMap.shop())
    log = log.with_scores(
        shop.surveys,
        customer="customer_id",
        time="time",
        score="score",
        kind="kind",
        answer_events=["nps_answer", "csat_answer", "ces_answer"],
    )
    folder = tmp_path_factory.mktemp("pages")
    made = {
        language: dashboard(log, language=language, conversion="purchase", personas="persona")  # type: ignore[arg-type]
        for language in LANGUAGES
    }
    return {language: (page, page.save(folder / f"{language}.html")) for language, page in made.items()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, browser: Any, pages: dict[str, tuple[Page, Path]]
) -> Iterator[Any]:
    """A page in a tab of its own; whatever it says to the console, or wants from elsewhere, fails the test."""
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1320, "height": 1000}, bypass_csp=True)
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else said.append(asked.url)
    )
    tab.goto(pages[request.param][1].as_uri())
    yield tab
    context.close()
    assert said == []


both = pytest.mark.parametrize("opened", LANGUAGES, indirect=True)
persian = pytest.mark.parametrize("opened", ["fa"], indirect=True)


@both
def test_nothing_stands_in_the_way_of_assistive_tools(opened: Any) -> None:
    found = axe.Axe().run(opened).response["violations"]
    assert [(each["id"], each["impact"], each["nodes"][0]["html"][:200]) for each in found] == []


@both
@pytest.mark.parametrize("width", [1320, 1000, 760, 390])
def test_nothing_reaches_beyond_the_window(opened: Any, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


@persian
def test_a_persian_page_is_set_in_its_own_typeface_and_digits(opened: Any) -> None:
    assert opened.evaluate("document.fonts.ready.then(() => document.fonts.check('16px Vazirmatn', 'سفر'))")
    shown = opened.locator(".tile, .figure, .heat").all_text_contents()
    assert len(shown) > 10
    for text in shown:
        assert not re.search("[0-9]", text), text


@persian
def test_a_persian_page_begins_at_the_right(opened: Any) -> None:
    title = opened.locator("h1").bounding_box()
    assert title["x"] + title["width"] > 1320 - 40
    tiles = [tile.bounding_box()["x"] for tile in opened.locator(".tile").all()]
    assert tiles == sorted(tiles, reverse=True)


@both
def test_a_persona_is_chosen_without_any_script(opened: Any) -> None:
    views = opened.locator(".views > .view")
    assert [view.is_visible() for view in views.all()].count(True) == 1
    assert views.nth(0).is_visible()
    opened.locator(".journeys > label").nth(2).click()
    assert [view.is_visible() for view in views.all()].index(True) == 2
    # Also with the keyboard alone.
    opened.keyboard.press("ArrowDown")
    assert views.nth(3).is_visible()


@both
def test_every_card_opens_its_table(opened: Any) -> None:
    details = opened.locator("section details").all()
    assert len(details) > 10
    for each in details:
        each.locator("summary").click()
    for table in opened.locator("table.data").all():
        assert table.bounding_box()["height"] > 20
