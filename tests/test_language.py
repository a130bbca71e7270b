"""Numbers, dates and words for readers: against CLDR by Babel, and complete in every language."""

from __future__ import annotations

import ast
import datetime as dt
import math
import re
import string
from pathlib import Path
from typing import get_args

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

import safar
from page_tree import parse
from safar.kpi.formula import Direction as KpiDirection
from safar.kpi.formula import Form
from safar.kpi.values import REASONS as KPI_REASONS
from safar.language import ENGLISH, Locale, heading
from safar.language.fonts import FAMILY, FOLDER, font_faces
from safar.language.words import words_of
from safar.monitoring.alerting import Rule
from safar.monitoring.judging import REASONS
from safar.pages.map_sections import kpi_section
from safar.pages.tables import data_table

PERSIAN = Locale("fa")
LOCALES = {"en": ENGLISH, "fa": PERSIAN}
DIGITS = {"en": {}, "fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")}
PAGE = Path(safar.__file__).parent / "pages"


# What stands in cells of KPIs and alerts: see `status_of`, `columns_of` and the types of formulas and rules.
WORDS = {"met", "missed", "unclear", "bad", "good", "neutral", "high", "medium", "low", "above", "below"}
WORDS |= {*get_args(Form), *get_args(KpiDirection), *get_args(Rule), *filter(None, KPI_REASONS)}


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
    assert PERSIAN.number(-0.04) == "\u200e\u2212۰٫۰۴"


@given(st.floats(1e-5, 0.99), st.sampled_from([1, -1]), st.integers(0, 3))
def test_a_small_number_keeps_two_significant_digits(size: float, sign: int, decimals: int) -> None:
    written = float(ENGLISH.number(sign * size, decimals).replace("\u2212", "-"))
    assert written == pytest.approx(sign * size, rel=0.051)
    assert len(ENGLISH.number(size, decimals).partition(".")[2]) <= 6


def test_small_numbers_are_written_as_a_reader_would() -> None:
    values = (0.0432, 0.0438, 0.5, 0.999, 1.04, -0.043, 4e-6, 0, -0.0)
    written = ["0.043", "0.044", "0.5", "1", "1", "\u22120.043", "0.000004", "0", "0"]
    assert [ENGLISH.number(value) for value in values] == written
    assert ENGLISH.compact(0.043) == "0.043"
    assert ENGLISH.measure(0.043, "%") == "0.043%"
    assert ENGLISH.count(-0.2) == "0"


@pytest.mark.parametrize(
    ("value", "number", "compact"),
    [
        (99.94, "99.9", "99.9"),
        (99.96, "100", "100"),
        (999.94, "999.9", "1,000"),
        (999.96, "1,000", "1,000"),
        (9_999.4, "9,999", "9,999"),
        (9_999.6, "10,000", "10.0K"),
        (999_940, "999,940", "999.9K"),
        (999_960, "999,960", "1.0M"),
        (999_960_000, "999,960,000", "1.0B"),
        (-999_960, "\u2212999,960", "\u22121.0M"),
    ],
)
def test_unit_and_grouping_are_those_of_what_is_shown(value: float, number: str, compact: str) -> None:
    assert (ENGLISH.number(value), ENGLISH.compact(value)) == (number, compact)


def test_a_value_without_end_is_no_word_of_the_computer() -> None:
    for write in (PERSIAN.count, PERSIAN.number, PERSIAN.compact, PERSIAN.share):
        assert write(math.inf) == "∞"
        assert write(-math.inf) == "\u200e\u2212∞"


def test_lengths_of_time_are_written_whatever_they_are() -> None:
    values = (0.96, 59.6, 3599.7, -4320, -0.01, math.inf, -math.inf)
    written = ["1 s", "1 min", "1 h", "\u22121 h 12 min", "\u2212<0.1 s", "∞", "\u2212∞"]
    assert [ENGLISH.duration(value) for value in values] == written
    assert PERSIAN.duration(-4320) == "\u200e\u2212۱ ساعت و ۱۲ دقیقه"


@pytest.mark.parametrize(
    ("length", "english", "persian"),
    [
        ("26h", "26 hours", "۲۶ ساعت"),
        ("1561m", "1561 minutes", "۱۵۶۱ دقیقه"),
        (dt.timedelta(days=1, seconds=1), "86401 seconds", "۸۶۴۰۱ ثانیه"),
        ("1500ms", "1500 milliseconds", "۱۵۰۰ میلی‌ثانیه"),
        (dt.timedelta(microseconds=7), "7 microseconds", "۷ میکروثانیه"),
        ("2w", "14 days", "۱۴ روز"),
    ],
)
def test_the_length_of_a_window_loses_nothing(length: str | dt.timedelta, english: str, persian: str) -> None:
    assert (ENGLISH.length(length), PERSIAN.length(length)) == (english, persian)


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


def rejected() -> list[str]:
    """Every reason for which a row is rejected, from a log that has each."""
    rows = [
        ("ann", "2026-03-01", "view"),
        (None, "2026-03-01", "view"),
        ("ann", None, "view"),
        ("ann", "soon", "view"),
        ("ann", "1026-03-01", "view"),
        ("ann", "2026-03-01", None),
        ("ann", "2026-04-01", "view"),
    ]
    data = {name: [row[place] for row in rows] for place, name in enumerate(("who", "when", "what"))}
    log = safar.EventLog(data, customer="who", time="when", event="what", observed_until="2026-03-02")
    assert sorted(log.rejected.values()) == [1] * 6
    return list(log.rejected)


def test_every_reason_for_a_rejected_row_is_said_in_persian() -> None:
    assert {reason.replace("_", " ") for reason in rejected()} <= set(words_of("fa")["texts"])


def test_every_text_of_the_file_is_said_somewhere() -> None:
    said = set()
    for path in PAGE.parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    said |= set(re.findall(r'locale\.say\("([^"]+)"', (PAGE / "templates" / "page.html").read_text()))
    reasons = {reason.replace("_", " ") for reason in (*rejected(), *REASONS)}
    units = {formula["unit"] for formula in safar.kpi_catalogue().to_polars().to_dicts()}
    unsaid = set(words_of("fa")["texts"]) - said - reasons - units - WORDS
    assert not unsaid


def test_words_that_results_have_in_their_cells_are_translated() -> None:
    words = words_of("fa")["texts"]
    assert not sorted(WORDS - set(words))
    assert all(re.search("[آ-ی]", words[word]) for word in WORDS - {"nps"})


def test_headings_of_columns_are_in_the_language() -> None:
    assert heading("median_seconds") == "Median time"
    assert heading("drop_off_high", "fa") == "ریزش، کران بالا"
    assert heading("my_column", "fa") == "My column"


def test_tables_of_a_persian_page_say_the_words_of_the_library() -> None:
    shop = safar.datasets.shop(2_000)
    log = shop.log().with_map(safar.JourneyMap.shop())
    log = log.with_scores(shop.surveys, customer="customer_id", time="time", score="score", kind="kind")
    page = safar.dashboard(log, language="fa", conversion="purchase", personas="persona")
    own = ("direction", "effect", "form", "rule", "rules", "severity", "side", "status", "reason", "period")
    headings = {heading(name, "fa") for name in own}
    of_map = {heading(name, "fa") for name in ("kpi", "stage", "touchpoint")}
    seen = set()
    for table in parse(page.to_html()).all("table", "data"):
        heads = [cell.text for cell in table.all("thead")[0].all("th")]
        assert not [head for head in heads if re.search("[A-Za-z]{2,}", re.sub("NPS|CSAT|CES", "", head))], (
            heads
        )
        for row in table.all("tbody")[0].all("tr"):
            for head, cell in zip(heads, row.all("td"), strict=True):
                if head in headings | of_map:
                    seen.add(head)
                    assert not re.search("[A-Za-z0-9]", re.sub("NPS|CSAT|CES", "", cell.text)), (
                        head,
                        cell.text,
                    )
    assert seen == headings | of_map


def test_the_ends_of_an_interval_keep_their_order_whatever_their_signs() -> None:
    shop = safar.datasets.shop(300)
    log = shop.log().with_map(safar.JourneyMap.shop())
    log = log.with_scores(shop.surveys, customer="customer_id", time="time", score="score", kind="kind")
    kpis = log.kpis(kpis=["nps"], period="month")
    section = kpi_section(kpis, safar.JourneyMap.shop(), locale=PERSIAN)
    (row,) = parse(section.figure).all("tbody")[0].all("tr")
    columns = kpis.to_dict()
    latest = max(place for place, complete in enumerate(columns["complete"]) if complete)
    ends = [end.text for end in row.all("td")[3].all("bdi")]
    assert columns["low"][latest] < 0
    assert ends[0] == PERSIAN.number(columns["low"][latest])
    assert ends[1] == PERSIAN.measure(columns["high"][latest], "points")


def cells(columns: dict[str, list[object]], locale: Locale, *, words: bool = True) -> list[str]:
    table = parse(data_table(columns, caption="x", words=words, locale=locale))
    return [cell.text for cell in table.all("td")]


def test_names_of_the_data_are_no_words_of_the_library() -> None:
    columns: dict[str, list[object]] = {
        "kpi": ["met"],
        "stage": ["up"],
        "status": ["met"],
        "rules": ["chart, drift"],
    }
    assert cells(columns, ENGLISH) == ["met", "up", "met", "chart, drift"]
    assert cells(columns, PERSIAN) == ["met", "up", "رسیده", "نمودار کنترل، رانش"]
    assert cells(columns, PERSIAN, words=False) == ["met", "up", "met", "chart, drift"]


def test_labels_of_periods_have_the_digits_of_the_language() -> None:
    columns: dict[str, list[object]] = {"period": ["1404-12-29", "2026-03", 3]}
    assert cells(columns, PERSIAN) == ["۱۴۰۴/۱۲/۲۹", "۲۰۲۶/۰۳", "۳"]
    assert cells(columns, ENGLISH) == ["1404-12-29", "2026-03", "3"]


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
