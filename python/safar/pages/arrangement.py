"""Which figures a page has, and in which order they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from safar.pages import sections as parts
from safar.pages.behaviour_sections import active_section
from safar.pages.channel_sections import (
    channel_conversion_section,
    channel_events_section,
    channel_funnel_section,
)
from safar.pages.choice import Conversion, Journey
from safar.pages.customers import channel_names
from safar.pages.filtered import (
    followed_channels,
    followed_entries,
    followed_events,
    followed_funnel,
    followed_kpis,
    followed_lengths,
    followed_retention,
    followed_scores,
    followed_stages,
    followed_transitions,
)
from safar.pages.journey_facts import usual_kind
from safar.pages.key_figures import KeyFigures
from safar.pages.map_sections import alerts_section, kpi_section, stages_section
from safar.pages.section import Columns, Section
from safar.pages.voice_sections import score_cells_section, score_trend_section
from safar.pages.work import Work
from safar.voice.journeys import Cut

if TYPE_CHECKING:
    from safar.analyses.sessions import SessionsResult
    from safar.log import EventLog

__all__ = ["period_of", "sections_of"]

# Between more events than these there are too many transitions to count them by groups.
_FOLLOWED_EVENTS = 60
_LONG = timedelta(weeks=26)


def period_of(log: EventLog) -> Literal["week", "month"]:
    """The period of courses and cohorts: months where the data are longer than half a year."""
    return "month" if log.observed_until - log.first > _LONG else "week"


def sections_of(
    work: Work,
    journey: Journey,
    conversion: Conversion,
    figures: KeyFigures,
    active: Sequence[str] | None,
) -> list[Section]:
    """Order the figures: three in the first row, then pairs, then three.

    Parameters
    ----------
    work
        The answers.
    journey, conversion, active
        The steps of the funnel, the events that convert, and those that show that a customer is there.
    figures
        The key figures.

    Returns
    -------
    list of Section
    """
    log, locale = work.log, work.locale
    found: dict[str, Any] = dict(work.results)
    steps = work.followed("funnel", followed_funnel)
    made = [parts.funnel_section(found["funnel"], subtitle=journey.said, columns=steps, locale=locale)]
    course = figures.customers
    of = locale.say("any event") if active is None else locale.listing(active)
    if course is not None:
        made.append(active_section(course, of, log.timezone, locale=locale))
    of_channels = replace(locale, names=channel_names(log, locale))
    if "conversion_by_channel" in found:
        events = locale.listing(conversion.events)
        pair = (found["customers_by_channel"], found["conversion_by_channel"])
        follow = partial(followed_channels, work.cube, list(conversion.events))
        made.append(channel_conversion_section(*pair, events=events, follow=follow, locale=of_channels))
    elif course is not None:
        made.append(_sessions(work))
    if work.picture is not None:
        made.append(work.picture.section())
    made.append(parts.flow_section(found["funnel"], locale=locale))
    retention = parts.retention_section(
        found["retention"],
        subtitle=locale.say("Back with {events}", events=of),
        followed=work.followed("retention", followed_retention),
        locale=locale,
    )
    if "transitions" not in found:
        made.append(retention)
    else:
        rows = _transitions(work)
        matrix = parts.matrix_section(found["transitions"], follow=rows, locale=locale)
        ranking = parts.transitions_section(found["transitions"], follow=rows, locale=locale)
        if retention.width == "full":
            # The matrix fills the row of the flow, so that no hole is left before the wide table.
            made += [matrix, retention, replace(ranking, width="full")]
        else:
            made += [retention, matrix, ranking]
    if "funnel_by_channel" in found:
        made.append(
            channel_funnel_section(
                found["funnel_by_channel"],
                subtitle=locale.say("% of those who entered, by channel of entry"),
                columns=work.followed("funnel_by_channel", followed_entries),
                locale=of_channels,
            )
        )
        sizes = partial(followed_events, work.cube)
        made.append(channel_events_section(log.channels, len(log), follow=sizes, locale=of_channels))
        made.append(_sessions(work))
    made += _voice(work)
    if log.map is not None:
        if "stages" in found:
            stages = work.followed("stages", followed_stages)
            made.append(stages_section(found["stages"], log.map, columns=stages, locale=locale))
        if "kpis" in found:
            columns = work.followed("kpis", followed_kpis)
            made.append(kpi_section(found["kpis"], log.map, columns=columns, locale=locale))
        if work.alerts is not None:
            made.append(alerts_section(work.alerts, log.map, locale=locale))
    return made


def _sessions(work: Work) -> Section:
    """How long sessions are."""
    cube, sessions = work.cube, work.results["sessions"]
    if cube is None:
        return parts.sessions_section(sessions, locale=work.locale)
    follow = partial(followed_lengths, cube, cast("SessionsResult", sessions))
    return parts.sessions_section(sessions, follow=follow, locale=work.locale)


def _transitions(work: Work) -> Callable[[Columns], Columns]:
    """What rows of transitions become; of logs with very many events they do not follow."""
    few = len(work.log.events) <= _FOLLOWED_EVENTS
    follow = work.followed("transitions", followed_transitions) if few else None
    return (lambda columns: columns) if follow is None else follow


def _voice(work: Work) -> list[Section]:
    """What customers say: the kind of score with the most answers, over time and by stage and channel."""
    from safar.voice import ces, csat, nps

    log, locale, kind = work.log, work.locale, usual_kind(work.log)
    if kind is None:
        if log.scores is not None:
            reason = locale.say("no survey has answers to an NPS, CSAT or CES question")
            work.left_out.append(f"{locale.say('Scores')}: {reason}")
        return []
    cells = None if work.picture is None else score_cells_section(work.picture)
    ask = {"nps": nps, "csat": csat, "ces": ces}[kind]
    period = period_of(log)
    with work.timed("scores over time"):
        over_time = ask(log, period=period, calendar=locale.calendar)
        columns = None
        if work.cube is not None:
            columns = followed_scores(
                work.cube, over_time, kind, Cut(period=period, calendar=locale.calendar)
            )
    trend = score_trend_section(
        over_time, period=period, observed_until=log.observed_until, columns=columns, locale=locale
    )
    return [trend] if cells is None else [cells, trend]
