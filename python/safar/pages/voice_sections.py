"""Sections of what customers say: scores over time, and by stage and channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from safar import calendar
from safar.language import ENGLISH, Locale, so_many
from safar.pages.figures.journey import cell_hint, cell_tint, followed_score, score_text
from safar.pages.figures.trend import Reading, trend_figure
from safar.pages.markup import Markup, element, following, name_markup, scrolled
from safar.pages.picture import JourneyPicture
from safar.pages.section import Columns, Section
from safar.pages.series import Period, period_name

if TYPE_CHECKING:
    from safar.voice import ScoreResult

__all__ = ["score_cells_section", "score_trend_section"]


def score_trend_section(
    result: ScoreResult,
    *,
    period: Period,
    observed_until: dt.datetime,
    columns: Columns | None = None,
    locale: Locale = ENGLISH,
) -> Section:
    """Show how a score went, period by period.

    Parameters
    ----------
    result
        A score by period alone, in the calendar of the reader.
    period
        Length of a period.
    observed_until
        Where the data end, in the time zone of the log.
    columns
        Those of the result, where their numbers follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    columns, kind = columns or result.to_dict(), result.kind
    untimed = sum(
        number for number, label in zip(columns["answers"], columns["period"], strict=True) if label is None
    )
    timed = [row for row, label in enumerate(columns["period"]) if label is not None]
    columns = {name: [values[row] for row in timed] for name, values in columns.items()}
    starts = [_first_day(label, locale) for label in columns["period"]]
    readings = []
    for row, start in enumerate(starts):
        value, low, high = (columns[f"{kind}{end}"][row] for end in ("", "_low", "_high"))
        name = period_name(start, period, locale)
        hint = locale.say(
            "{period}: {kind} {value} (95% interval {low} to {high}) of {answers} answers",
            period=name,
            kind=kind.upper(),
            value=score_text(value, kind, locale),
            low=score_text(low, kind, locale),
            high=score_text(high, kind, locale),
            answers=locale.count(columns["answers"][row]),
        )
        over = _next(start, period, locale) <= observed_until.date()
        readings.append(Reading(name, value, low, high, hint, over))
    write: Callable[[float], str] = lambda value: score_text(value, kind, locale)  # noqa: E731
    form = "signed" if kind == "nps" else "share 0"
    title = locale.say("{kind} over time", kind=kind.upper())
    return Section(
        title=title,
        subtitle=locale.say("All answers of the period, with the 95% interval"),
        figure=trend_figure(readings, label=title, write=write, form=form, locale=locale),
        note=" ".join(
            [
                locale.say("A hollow dot is a period that is not over."),
                *(
                    [locale.say(so_many(untimed, "1 answer has no time.", "{number} answers have no time."))]
                    if untimed
                    else []
                ),
            ]
        ),
        table=columns,
        words=True,
        definition=result.definition,
        width="third",
    )


def _first_day(label: str, locale: Locale) -> dt.date:
    """The Gregorian date on which a period begins, from its label in the calendar of the reader."""
    year, month, day = (int(number) for number in [*label.split("-"), "1"][:3])
    if locale.calendar == "jalali":
        return calendar.gregorian_date(year, month, day)
    return dt.date(year, month, day)


def _next(start: dt.date, period: Period, locale: Locale) -> dt.date:
    """The Gregorian date on which the period after this one begins."""
    if period != "month":
        return start + dt.timedelta(days=7 if period == "week" else 1)
    # No month has 32 days, and none fewer than 28.
    later = start + dt.timedelta(days=32)
    label = calendar.period_label(later, period="month", calendar=locale.calendar)
    return _first_day(label, locale)


def score_cells_section(picture: JourneyPicture) -> Section | None:
    """Show the score of each stage and channel.

    Parameters
    ----------
    picture
        The journey as a picture, whose first journey is that of everybody.

    Returns
    -------
    Section or None
        A heat table; None where there are no scores.
    """
    facts, locale, channels = picture.journeys[0], picture.locale, picture.channels
    kind = facts.kind
    if kind is None or not facts.channels:
        return None
    head = element(
        "tr",
        element("th", locale.say("Stage"), scope="col", class_="label", style="inline-size:18%"),
        *(element("th", name_markup(channels.label(name)), scope="col") for name in facts.channels),
    )
    body = []
    for stage in facts.stages:
        cells = [_cell(picture, stage.id, channel) for channel in facts.channels]
        head_of_row = element("th", name_markup(picture.names[stage.id]), scope="row")
        body.append(element("tr", head_of_row, *cells, data_stage=stage.id))
    title = locale.say("{kind}: stage × channel", kind=kind.upper())
    caption = locale.say("{kind} by stage and channel", kind=kind.upper())
    table = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="heat",
        **following(whole=None if facts.score is None else facts.score.value),
    )
    return Section(
        title=title,
        subtitle=locale.say(
            "By the last event before each answer; blue: better than all answers, red: worse"
        ),
        figure=scrolled(table, label=caption),
        table=picture.table(segments=False),
        definition=picture.definition,
        width="most",
    )


def _cell(picture: JourneyPicture, stage: str, channel: str | None) -> Markup:
    facts, locale = picture.journeys[0], picture.locale
    cell = facts.cells.get((stage, channel))
    if cell is None or cell.score is None or not cell.score.answers:
        return element("td", "·", class_="none")
    name, of = locale.name(picture.names[stage]), picture.channels.name(channel)
    return element(
        "td",
        score_text(cell.score.value, facts.kind, locale),
        title=cell_hint(cell, name, of, facts.kind, locale),
        class_=cell_tint(facts, cell),
        **following(**followed_score(cell)),
    )
