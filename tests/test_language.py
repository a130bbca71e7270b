"""Numbers, dates and words for readers: against CLDR by Babel, and complete in every language."""

from __future__ import annotations

import ast
import datetime as dt
import re
import string
from pathlib import Path

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

import safar
from page_tree import parse
from safar.language import ENGLISH, Locale, heading
from safar.language.fonts import FAMILY, FOLDER, font_faces
from safar.language.words import words_of
from safar.monitoring.judging import REASONS

PERSIAN = Locale("fa")
LOCALES = {"en": ENGLISH, "fa": PERSIAN}
DIGITS = {"en": {}, "fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")}
PAGE = Path(safar.__file__).parent / "pages"
CHARTS = (PAGE.parent / "plot").glob("*.py")


def bare(text: str) -> str:
    """The text without marks of direction, and with one kind of minus."""
    return re.sub("[\u200e\u200f\u2066-\u2069]", "", text).replace("-", "\u2212")


@pytest.mark.parametrize("language", LOCALES)
@given(value=st.integers(-(10**13), 10**13))
def test_counts_are_written_as_cldr_has_it(language: str, value: int) -> None:
    written = format_decimal(value, locale=language, numbering_system="default")
    assert bare(LOCALES[language].count(value)) == bare(written).translate(DIGITS[language])


@pytest.mark.parametrize("language", LOCALES)
@given(percent=st.integers(1, 999))
def test_shares_are_written_as_cldr_has_it(language: str, percent: int) -> None:
    sign = {"en": "%", "fa": "٪"}[language]
    written = format_percent(percent / 1000, format="#,##0.0%", locale=language, numbering_system="default")
    assert bare(LOCALES[language].share(percent / 1000)) == bare(written).translate(DIGITS[language]).replace(
        "%", sign
    )


@given(st.dates(dt.date(1900, 1, 1), dt.date(2200, 12, 31)))
def test_gregorian_days_are_written_as_cldr_has_it(day: dt.date) -> None:
    assert ENGLISH.day(day) == format_date(day, "d MMM y", locale="en")
    assert ENGLISH.month(day) == format_date(day, "MMM y", locale="en")
    assert ENGLISH.date(day) == day.isoformat()
    persian = Locale("fa", "gregorian")
    # CLDR has ژوئیهٔ and so on before a year, where the month stands in the genitive.
    month = format_date(day, "LLLL", locale="fa")
    assert persian.day(day) == f"{day.day} {month} {day.year}".translate(DIGITS["fa"])


def test_jalali_days_have_their_months() -> None:
    assert PERSIAN.day(dt.date(2025, 3, 21)) == "۱ فروردین ۱۴۰۴"
    assert PERSIAN.month(dt.datetime(2026, 3, 20, 23, 59)) == "اسفند ۱۴۰۴"
    assert PERSIAN.moment(dt.datetime(2026, 3, 20, 23, 59)) == "۱۴۰۴/۱۲/۲۹ ۲۳:۵۹"
    assert Locale("en", "jalali").day(dt.date(2025, 3, 21)) == "1 Farvardin 1404"


def test_what_is_not_known_is_a_dash_in_every_language() -> None:
    for locale in LOCALES.values():
        for write in (locale.count, locale.number, locale.compact, locale.share, locale.duration, locale.day):
            assert write(None) == "–"
        for write in (locale.count, locale.number, locale.compact, locale.share, locale.duration):
            assert write(float("nan")) == "–"
        assert locale.change(None, "share") == "–"
        assert locale.measure(None, "%") == "–"


def test_signs_stay_before_their_numbers_in_right_to_left_text() -> None:
    # A mark of the left-to-right direction makes a sign and the digits after it one run from left to right.
    assert PERSIAN.change(-0.064, "count") == "\u200e\u2212۶٫۴٪"
    assert PERSIAN.change(0.012, "share") == "\u200e+۱٫۲ واحد درصد"
    assert PERSIAN.share(0.0002) == "\u200e<۰٫۱٪"
    assert PERSIAN.number(-0.04) == "۰"


def test_names_are_kept_apart_only_where_the_direction_changes() -> None:
    assert ENGLISH.name("web") == "web"
    assert ENGLISH.name("خرید") == "\u2068خرید\u2069"
    assert PERSIAN.name("خرید") == "خرید"
    assert PERSIAN.listing(["web", None]) == "\u2068web\u2069 یا (نامشخص)"


@pytest.mark.parametrize("language", ["en ", "de", None, 3])
def test_another_language_is_refused(language: object) -> None:
    with pytest.raises((safar.ArgumentError, safar.ArgumentTypeError), match="language"):
        Locale(language)  # type: ignore[arg-type]


def test_names_of_the_data_are_those_of_the_map_where_it_has_them() -> None:
    locale = Locale("fa", names={"web": "وب‌سایت"})
    assert [locale.label(name) for name in ("web", "app", None)] == ["وب‌سایت", "app", "(نامشخص)"]


def test_the_typeface_of_persian_pages_comes_with_its_licence() -> None:
    assert font_faces().count("data:font/woff2;base64,") == 2
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    assert all((FOLDER / f"{FAMILY}-{weight}.ttf").stat().st_size > 50_000 for weight in ("Regular", "Bold"))


# ------------------------------------------------------------------------------------------------- words


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_every_translation_has_the_places_of_its_english() -> None:
    for english, other in words_of("fa")["texts"].items():
        assert places(english) == places(other), english
        assert other.strip(), english


def test_every_text_of_the_file_is_said_somewhere() -> None:
    said = set()
    for path in [
        *PAGE.rglob("*.py"),
        *(PAGE.parent / "explorer").glob("*.py"),
        *(PAGE.parent / "language").glob("*.py"),
        *CHARTS,
        PAGE.parent / "cli.py",
    ]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    said |= set(re.findall(r'locale\.say\("([^"]+)"', (PAGE / "templates" / "page.html").read_text()))
    reasons = {
        reason.replace("_", " ")
        for reason in ("missing_customer", "missing_time", "missing_event", "invalid_time", *REASONS)
    }
    units = {formula["unit"] for formula in safar.kpi_catalogue().to_polars().to_dicts()}
    units |= {"met", "missed", "unclear"}
    unsaid = set(words_of("fa")["texts"]) - said - reasons - units - {"days"}
    assert not unsaid


def test_headings_of_columns_are_in_the_language() -> None:
    assert heading("median_seconds") == "Median time"
    assert heading("drop_off_high", "fa") == "ریزش، کران بالا"
    assert heading("my_column", "fa") == "My column"


def test_a_persian_page_has_no_english_of_its_own() -> None:
    log = safar.datasets.shop(300).log().with_map(safar.JourneyMap.shop())
    page = safar.dashboard(log, language="fa", conversion="purchase")
    tree = parse(page.to_html())
    html = tree.all("html")[0]
    assert (html.attributes["lang"], html.attributes["dir"]) == ("fa", "rtl")
    own = {*log.events, *log.channels, "Asia", "Tehran", "safar", "stage", "campaign"}
    own |= {part for name in own for part in re.split(r"\W|_", name)}
    for tag in ("h1", "h2", "summary", "caption", "th", "dt", "text"):
        for node in tree.all(tag):
            words = set(re.findall(r"[A-Za-z]{2,}", node.text)) - own
            assert not words, (tag, node.text)
    for subtitle in tree.all("p"):
        if "definition" in str(subtitle.attributes.get("class")):
            continue
        words = set(re.findall(r"[A-Za-z]{2,}", subtitle.text)) - own
        assert not words, subtitle.text
