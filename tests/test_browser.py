"""The page in a real browser: what readers and their tools meet there, in both languages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import safar
from safar._palette import PALETTES, Theme
from safar.pages import Page, dashboard
from safar.pages.colours import contrast
from scored_shop import scored

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the browser tests need axe (make test installs it)"
)
LANGUAGES = ("en", "fa")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Page, Path]]:
    log = scored(safar.datasets.shop(1200))
    folder = tmp_path_factory.mktemp("pages")
    wanted: dict[str, Any] = {"conversion": "purchase", "personas": "persona"}
    made = {language: dashboard(log, language=language, **wanted) for language in LANGUAGES}  # type: ignore[arg-type]
    made["both"] = dashboard(log, language=("fa", "en"), theme="auto", **wanted)
    return {language: (page, page.save(folder / f"{language}.html")) for language, page in made.items()}


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, browser: Any, pages: dict[str, tuple[Page, Path]]
) -> Iterator[Any]:
    """A page in a tab of its own."""
    with tab_of(browser, pages[request.param][1]) as tab:
        yield tab


@contextmanager
def tab_of(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    """Open a file in a tab of its own; whatever it says to the console, or wants from elsewhere, fails the test."""
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1320, "height": 1000}, bypass_csp=True, **options)
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else said.append(asked.url)
    )
    tab.goto(file.as_uri())
    yield tab
    context.close()
    assert said == []


both = pytest.mark.parametrize("opened", LANGUAGES, indirect=True)
persian = pytest.mark.parametrize("opened", ["fa"], indirect=True)


def findings_of(tab: Any) -> list[tuple[str, str, str]]:
    found = axe.Axe().run(tab).response["violations"]
    return [(each["id"], each["impact"], each["nodes"][0]["html"][:200]) for each in found]


@both
def test_nothing_stands_in_the_way_of_assistive_tools(opened: Any) -> None:
    assert findings_of(opened) == []


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


# ------------------------------------------------------------------------------------- two languages, two themes


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> Theme:
    """What the reader's system asks for."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def two(browser: Any, pages: dict[str, tuple[Page, Path]], theme: Theme) -> Iterator[Any]:
    """The page in both languages, for a reader of a theme; no script runs, as on paper and in careful browsers."""
    with tab_of(browser, pages["both"][1], color_scheme=theme, java_script_enabled=False) as tab:
        yield tab


def show(tab: Any, language: str) -> Any:
    """Switch to a language, and give the part of the page that is in it."""
    tab.locator(f"label[for=language-{language}]").click()
    return tab.locator(f".page[lang={language}]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_and_themes_serve_assistive_tools(
    browser: Any, pages: dict[str, tuple[Page, Path]], theme: Theme, language: str
) -> None:
    with tab_of(browser, pages["both"][1], color_scheme=theme) as tab:
        show(tab, language)
        for width in (1320, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            assert findings_of(tab) == []


def test_a_page_in_both_languages_is_small_enough_to_be_sent(pages: dict[str, tuple[Page, Path]]) -> None:
    sizes = {name: file.stat().st_size for name, (_, file) in pages.items()}
    assert sizes["both"] < 2_000_000
    # The typeface, the style and the script are there once.
    assert sizes["both"] < sizes["en"] + sizes["fa"] - 20_000


def test_the_switch_shows_the_page_in_the_other_language(two: Any) -> None:
    persian, english = (two.locator(f".page[lang={language}]") for language in ("fa", "en"))
    assert (persian.is_visible(), english.is_visible()) == (True, False)
    assert two.locator("nav.languages").is_visible()
    title = persian.locator("h1").bounding_box()
    assert title["x"] + title["width"] > 1320 - 40
    customers = persian.locator(".tile .value").first.inner_text()
    assert re.fullmatch("[۰-۹٬]+", customers)
    show(two, "en")
    assert (persian.is_visible(), english.is_visible()) == (False, True)
    assert english.locator("h1").bounding_box()["x"] < 40
    tiles = [tile.bounding_box()["x"] for tile in english.locator(".tile").all()]
    assert tiles == sorted(tiles)
    shown = english.locator(".tile .value").first.inner_text()
    assert shown.translate(str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")) == customers
    # The switch stands where the page ends: at the left of a page that begins at the right.
    assert two.locator("nav.languages").bounding_box()["x"] > 1000
    show(two, "fa")
    assert persian.is_visible()
    assert two.locator("nav.languages").bounding_box()["x"] < 40


def test_the_switch_is_worked_by_the_keyboard_and_shows_where_it_is(two: Any) -> None:
    two.keyboard.press("Tab")
    label = two.locator("label[for=language-fa]")
    before = two.locator("label[for=language-en]").screenshot()
    focused = label.screenshot()
    two.keyboard.press("ArrowDown")
    assert two.locator(".page[lang=en]").is_visible()
    assert two.locator("label[for=language-en]").screenshot() != before
    assert label.screenshot() != focused


@pytest.mark.parametrize("width", [1320, 760, 390])
@pytest.mark.parametrize("language", LANGUAGES)
def test_neither_language_reaches_beyond_the_window(
    browser: Any, pages: dict[str, tuple[Page, Path]], language: str, width: int
) -> None:
    with tab_of(browser, pages["both"][1]) as tab:
        tab.set_viewport_size({"width": width, "height": 900})
        show(tab, language)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_print_shows_the_chosen_language_on_light_paper(
    browser: Any, pages: dict[str, tuple[Page, Path]]
) -> None:
    with tab_of(browser, pages["both"][1], color_scheme="dark") as tab:
        english = show(tab, "en")
        ink = "e => getComputedStyle(e).color"
        assert english.locator("h1").evaluate(ink) == rgb(PALETTES["dark"].ink)
        tab.emulate_media(media="print", color_scheme="dark")
        assert (english.is_visible(), tab.locator(".page[lang=fa]").is_visible()) == (True, False)
        assert not tab.locator("nav.languages").is_visible()
        assert english.locator("h1").evaluate(ink) == rgb(PALETTES["light"].ink)


def rgb(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


PLAIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٬", "0123456789,")


def numbers_in(page: Any) -> list[str]:
    """How many customers are chosen, and the first key figure."""
    said = [page.locator("form.filters output").inner_text(), page.locator(".tile .value").first.inner_text()]
    return [re.sub("[^0-9]+", " ", each.translate(PLAIN)).strip() for each in said]


def test_a_choice_of_customers_goes_along_to_the_other_language(
    browser: Any, pages: dict[str, tuple[Page, Path]]
) -> None:
    with tab_of(browser, pages["both"][1]) as tab:
        persian, english = (tab.locator(f".page[lang={language}]") for language in ("fa", "en"))
        show(tab, "en")
        everybody = numbers_in(english)
        english.locator("[data-name=channel] select").select_option("1")
        english.locator("select[name=stage]").select_option("experience")
        chosen = numbers_in(english)
        assert chosen != everybody
        assert tab.locator(".filtered").count() == 1
        show(tab, "fa")
        persian.and_(tab.locator(".filtered")).wait_for()
        assert numbers_in(persian) == chosen
        assert persian.locator("select[name=stage]").input_value() == "experience"
        rows = {row.get_attribute("data-stage") for row in persian.locator("[data-stage]:visible").all()}
        assert rows == {"experience"}
        persian.locator("form.filters button").click()
        show(tab, "en")
        tab.wait_for_function("document.querySelectorAll('.filtered').length === 0")
        assert numbers_in(english) == everybody


def test_months_that_are_chosen_are_the_nearest_ones_of_the_other_calendar(
    browser: Any, pages: dict[str, tuple[Page, Path]]
) -> None:
    with tab_of(browser, pages["both"][1]) as tab:
        fields = {
            language: tab.locator(f".page[lang={language}] [data-name=period] select").all()
            for language in LANGUAGES
        }

        def chosen(language: str) -> list[dt.date]:
            days = [end.evaluate("end => end.selectedOptions[0].dataset.day") for end in fields[language]]
            return [dt.date.fromordinal(int(day)) for day in days]

        def all_months(language: str) -> bool:
            first, last = (end.evaluate("end => end.selectedIndex") for end in fields[language])
            return first == 0 and last == fields[language][1].locator("option").count() - 1

        show(tab, "en")
        fields["en"][0].select_option(label="Sep 2025")
        fields["en"][1].select_option(label="Dec 2025")
        show(tab, "fa")
        # The first days of Shahrivar and Azar are ten days away, those of Mehr and Dey three weeks.
        assert chosen("fa") == [dt.date(2025, 8, 23), dt.date(2025, 11, 22)]
        fields["fa"][1].select_option(str(fields["fa"][1].locator("option").count() - 1))
        show(tab, "en")
        assert chosen("en")[0] == dt.date(2025, 9, 1)
        assert fields["en"][1].evaluate("end => end.selectedIndex === end.options.length - 1")
        # Nothing was chosen since, so that everything is as it was left.
        left = chosen("fa")
        show(tab, "fa")
        assert chosen("fa") == left
        tab.locator(".page[lang=fa] form.filters button").click()
        tab.wait_for_timeout(50)
        show(tab, "en")
        assert all_months("fa")
        assert all_months("en")


# Every text of a drawing with its colour, and that of its halo or else of the shape under its middle.
UNDER = """() => Array.from(document.querySelectorAll(".page svg text"), (text) => {
  if (!text.checkVisibility()) return [];
  text.scrollIntoView({block: "center", inline: "center"});
  const {fill, stroke} = getComputedStyle(text);
  const box = text.getBoundingClientRect();
  const shapes = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2).filter((each) =>
    each instanceof SVGElement && each.tagName !== "text" && getComputedStyle(each).fill !== "none");
  const card = getComputedStyle(text.closest(".card, .tile")).backgroundColor;
  const shape = shapes[0].tagName === "svg" ? card : getComputedStyle(shapes[0]).fill;
  return [text.firstChild.data, fill, stroke === "none" ? shape : stroke];
}).filter((found) => found.length)"""


@pytest.mark.parametrize("chosen", [False, True])
def test_every_text_of_a_drawing_can_be_read_on_what_it_stands(
    browser: Any, pages: dict[str, tuple[Page, Path]], theme: Theme, chosen: bool
) -> None:
    with tab_of(browser, pages["both"][1], color_scheme=theme) as tab:
        if chosen:
            tab.locator(".page[lang=fa] [data-dimension='0'] select").select_option("2")
        found = tab.evaluate(UNDER)
    assert len(found) > 100
    hardly = [
        (text, ink, paper)
        for text, ink, paper in found
        if contrast(hexadecimal(ink), hexadecimal(paper)) < 4.5
    ]
    assert hardly == []


def hexadecimal(colour: str) -> str:
    return "#" + "".join(f"{int(number):02x}" for number in re.findall(r"\d+", colour)[:3])
