"""The page of a log: which analyses are run, and where their figures stand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from safar import _args, _core
from safar._typing import Duration, Frame, Language
from safar.analyses.funnel import FunnelResult, Step, StepLike, step
from safar.errors import ArgumentError, DataError
from safar.language import Locale
from safar.pages import sections as parts
from safar.pages.behaviour_sections import active_section
from safar.pages.channel_sections import (
    channel_conversion_section,
    channel_events_section,
    channel_funnel_section,
)
from safar.pages.choice import Conversion, Journey, Stages, choose_conversion, choose_journey, longest_window
from safar.pages.document import Page
from safar.pages.given import check_options, read_through, with_surveys
from safar.pages.journey_facts import Kind
from safar.pages.key_figures import KeyFigures, key_figures
from safar.pages.map_sections import alerts_section, kpi_section, stages_section
from safar.pages.picture import JourneyPicture, journey_picture, kind_of_scores
from safar.pages.section import Section
from safar.pages.voice_sections import score_cells_section, score_trend_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safar.analyses.sessions import SessionsResult
    from safar.journey_map import JourneyMap
    from safar.log import EventLog
    from safar.monitoring import AlertResult
    from safar.result import Result

__all__ = ["Progress", "dashboard"]

# Told after each analysis: what was done, and the seconds it took.
Progress = Callable[[str, float], None]

_LONG = timedelta(weeks=26)


@dataclass(slots=True)
class _Work:
    """The log, what was found out so far, and who wants to know."""

    log: EventLog
    progress: Progress | None
    locale: Locale
    results: dict[str, Result] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    picture: JourneyPicture | None = None
    alerts: AlertResult | None = None

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Report how long a part of the work took."""
        begin = time.perf_counter()
        yield
        if self.progress is not None:
            self.progress(what, time.perf_counter() - begin)

    def run(self, name: str, ask: Callable[[], Any]) -> Any:
        """Ask one question and keep its answer."""
        with self.timed(name.replace("_", " ")):
            self.results[name] = ask()
        return self.results[name]


def dashboard(
    log: EventLog,
    *,
    title: str | None = None,
    funnel_steps: Sequence[StepLike] | None = None,
    stages: Stages | None = None,
    conversion: str | Sequence[str] | None = None,
    within: Duration | None = None,
    active: str | Sequence[str] | None = None,
    map: JourneyMap | str | os.PathLike[str] | None = None,
    surveys: Frame | None = None,
    kind: Kind | None = None,
    personas: str | None = None,
    language: Language = "en",
    progress: Progress | None = None,
) -> Page:
    """Run the analyses on a log and put them on one page.

    Parameters
    ----------
    log
        Any log. One that was read through a journey map also shows its stages, and its KPIs against their targets.
    title
        Heading of the page; by default "Customer journey", or the name of the map.
    funnel_steps
        Steps of the funnel. By default the stages of the journey where the log has a column ``stage``, else a path of
        events read from the transitions; the page says by which rule.
    stages
        Stages of the journey: a mapping of stage → events, or the order of the values of the column ``stage``. Given
        instead of `funnel_steps`.
    conversion
        Events that are a conversion. By default the event that carries the most value, else one with a usual name, else
        the last step of the funnel; the page says so.
    within
        Window of the funnel. By default the longest usual one that fits three times into the data.
    active
        Events that show that a customer is there, for retention and the customers of each week; by default any event.
        Leave out what the company does, such as e-mails sent.
    map
        The journey map that the log is read through, or its file; by default that of the log.
    surveys
        Answers of customers, a row each, in the columns ``customer``, ``time``, ``score`` and, where there are several
        kinds, ``kind``; with other names use `EventLog.with_scores` before. By default those of the log.
    kind
        Of which kind all `surveys` are, where they have no column ``kind``: ``"nps"`` (0 to 10), ``"csat"`` (1 to 5) or
        ``"ces"`` (1 to 7).
    personas
        A column whose values have a journey map of their own beside that of everybody, such as ``"persona"``.
    language
        ``"en"``, or ``"fa"`` for Persian: from right to left, with Persian digits and the Jalali calendar.
    progress
        Called after each analysis with its name and the seconds it took.

    Returns
    -------
    Page
        Its ``results`` has every result behind the figures, by name.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "user": ["ann", "ann", "bob"],
    ...         "at": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...         "what": ["view", "purchase", "view"],
    ...     },
    ...     customer="user",
    ...     time="at",
    ...     event="what",
    ... )
    >>> page = dashboard(log, title="Two customers")
    >>> sorted(page.results)
    ['conversion', 'funnel', 'retention', 'sessions', 'transitions']
    """
    locale = Locale(language)
    check_options(log, title, personas, progress)
    log = with_surveys(read_through(log, map, personas), surveys, kind)
    names = None if active is None else _args.names(active, "active")
    _args.known_events(names or (), log.events, "active")
    converting = choose_conversion(log, conversion, locale)
    work = _Work(log, progress, locale)
    sessions: SessionsResult = work.run("sessions", lambda: log.sessions("30m"))
    inactivity = longest_window(log, ("30d", "7d", "1d"))
    try:
        transitions = work.run("transitions", lambda: log.transitions(inactivity=inactivity))
    except ArgumentError as problem:
        transitions = None
        work.left_out.append(f"{locale.say('Transitions')}: {problem}")
    with work.timed("choice of steps"):
        journey = choose_journey(
            log, transitions, converting, steps=funnel_steps, stages=stages, within=within, locale=locale
        )
    funnel: FunnelResult = work.run("funnel", lambda: log.funnel(journey.steps, within=journey.within))
    if converting is None:
        converting = _last_step(journey, funnel, locale)
    converted = work.run("conversion", lambda: log.funnel([_converted(converting)]))
    period: Literal["week", "month"] = "month" if log.observed_until - log.first > _LONG else "week"
    work.run("retention", lambda: log.retention(names, names, period=period, calendar=locale.calendar))
    if log.channels:
        _by_channel(work, journey, converting)
    if log.map is not None:
        _by_map(work, period, personas)
    with work.timed("key figures"):
        figures = key_figures(log, sessions, converted, converting, names, locale)
    with work.timed("page"):
        return Page(
            title or _title(log, locale),
            tiles=figures.tiles,
            sections=_sections(work, journey, converting, figures, names),
            subtitle=locale.say(
                "{first} to {last}, {timezone}",
                first=locale.day(log.first),
                last=locale.day(log.last),
                timezone=log.timezone,
            ),
            notes=_notes(work, converting),
            results=work.results,
            language=language,
        )


def _converted(conversion: Conversion) -> Any:
    return step(*conversion.events, name=" or ".join(conversion.events))


def _last_step(journey: Journey, funnel: FunnelResult, locale: Locale) -> Conversion:
    """Take the last step of the funnel as the conversion."""
    last = journey.steps[-1]
    events = last.events if isinstance(last, Step) else (last,) if isinstance(last, str) else tuple(last)
    name = funnel.to_dict()["name"][-1]
    said = locale.say("chosen automatically: the last step of the funnel, {step}", step=locale.name(name))
    return Conversion(events, said)


def _title(log: EventLog, locale: Locale) -> str:
    name = None if log.map is None else log.map.name
    return locale.say("Customer journey") if name is None else name.of(locale.language)


def _by_channel(work: _Work, journey: Journey, conversion: Conversion) -> None:
    log = work.log
    everyone = step(*log.events, name=work.locale.say("Any event"))
    work.run("customers_by_channel", lambda: log.funnel([everyone], by="channel", at="first"))
    work.run("conversion_by_channel", lambda: log.funnel([_converted(conversion)], by="channel", at="first"))
    work.run("funnel_by_channel", lambda: log.funnel(journey.steps, within=journey.within, by="channel"))


def _by_map(work: _Work, period: Literal["week", "month"], personas: str | None) -> None:
    """What the map of the log says: its stages, the picture of the journey and its KPIs."""
    log = work.log
    try:
        work.run("stages", log.stages)
    except ArgumentError as problem:
        work.left_out.append(f"{work.locale.say('Stages')}: {problem}")
    else:
        with work.timed("journey map"):
            work.picture = journey_picture(log, by=personas, language=work.locale.language)
    if log.map is not None and log.map.kpis:
        try:
            work.run("kpis", lambda: log.kpis(period=period, calendar=work.locale.calendar))
            # Loaded here, because only pages with a map watch KPIs.
            from safar.monitoring import alerts

            with work.timed("alerts"):
                work.alerts = alerts(log.kpis(period="day"))
        except (ArgumentError, DataError) as problem:
            work.left_out.append(f"{work.locale.say('KPIs')}: {problem}")


def _sections(
    work: _Work,
    journey: Journey,
    conversion: Conversion,
    figures: KeyFigures,
    active: Sequence[str] | None,
) -> list[Section]:
    """Order the figures: three in the first row, then pairs, then three."""
    log, locale = work.log, work.locale
    found: dict[str, Any] = dict(work.results)
    made = [parts.funnel_section(found["funnel"], subtitle=journey.said, locale=locale)]
    course = figures.customers
    of = locale.say("any event") if active is None else locale.listing(active)
    if course is not None:
        made.append(active_section(course, of, log.timezone, locale=locale))
    of_channels = replace(locale, names=_channel_names(log, locale))
    if "conversion_by_channel" in found:
        events = locale.listing(conversion.events)
        pair = (found["customers_by_channel"], found["conversion_by_channel"])
        made.append(channel_conversion_section(*pair, events=events, locale=of_channels))
    elif course is not None:
        made.append(parts.sessions_section(found["sessions"], locale=locale))
    if work.picture is not None:
        made.append(work.picture.section())
    made.append(parts.flow_section(found["funnel"], locale=locale))
    retention = parts.retention_section(
        found["retention"], subtitle=locale.say("Back with {events}", events=of), locale=locale
    )
    if "transitions" not in found:
        made.append(retention)
    else:
        matrix = parts.matrix_section(found["transitions"], locale=locale)
        ranking = parts.transitions_section(found["transitions"], locale=locale)
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
                locale=of_channels,
            )
        )
        made.append(channel_events_section(log.channels, len(log), locale=of_channels))
        made.append(parts.sessions_section(found["sessions"], locale=locale))
    made += _voice(work)
    if log.map is not None:
        if "stages" in found:
            made.append(stages_section(found["stages"], log.map, locale=locale))
        if "kpis" in found:
            made.append(kpi_section(found["kpis"], log.map, locale=locale))
        if work.alerts is not None:
            made.append(alerts_section(work.alerts, log.map, locale=locale))
    return made


def _voice(work: _Work) -> list[Section]:
    """What customers say: the kind of score with the most answers, over time and, on a map, by stage and channel."""
    from safar.voice import ces, csat, nps

    log, locale, kind = work.log, work.locale, kind_of_scores(work.log)
    if kind is None:
        if log.scores is not None:
            reason = locale.say("no survey has answers to an NPS, CSAT or CES question")
            work.left_out.append(f"{locale.say('Scores')}: {reason}")
        return []
    cells = None if work.picture is None else score_cells_section(work.picture)
    ask = {"nps": nps, "csat": csat, "ces": ces}[kind]
    period: Literal["week", "month"] = "month" if log.observed_until - log.first > _LONG else "week"
    with work.timed("scores over time"):
        over_time = ask(log, period=period, calendar=locale.calendar)
    trend = score_trend_section(over_time, period=period, observed_until=log.observed_until, locale=locale)
    return [trend] if cells is None else [cells, trend]


def _channel_names(log: EventLog, locale: Locale) -> dict[str, str]:
    """What the map of the log calls its channels."""
    return {} if log.map is None else {each.id: each.name.of(locale.language) for each in log.map.channels}


def _notes(work: _Work, conversion: Conversion) -> list[tuple[str, str]]:
    """Say what the data is and what was left out."""
    log, locale = work.log, work.locale
    until = locale.say("as given" if log.observed_until_given else "the latest event; nothing else was given")
    bad = sum(log.rejected.values())
    rows = locale.say("{rows}; {bad} rejected", rows=locale.count(log.info["rows"]), bad=locale.count(bad))
    if bad:
        reasons = (
            f"{locale.say(reason.replace('_', ' '))} {locale.count(number)}"
            for reason, number in log.rejected.items()
        )
        rows += ": " + locale.say(", ").join(reasons)
    notes = {
        "Data": locale.say("{first} to {last}", first=locale.moment(log.first), last=locale.moment(log.last)),
        "Observed until": f"{locale.moment(log.observed_until)} ({until})",
        "Time zone": log.timezone,
        "Rows read": rows,
        "Conversion": f"{locale.listing(conversion.events)} ({conversion.said})",
        "Made with": f"safar {_core.__version__}",
    }
    written = [(locale.say(term), meaning) for term, meaning in notes.items()]
    return [*written, *((locale.say("Left out"), reason) for reason in work.left_out)]
