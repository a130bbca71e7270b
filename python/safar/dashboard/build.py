"""The page of a log: which analyses are run, and where their figures stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from safar import _core
from safar._typing import Duration
from safar.analyses.funnel import FunnelResult, Step, StepLike, step
from safar.dashboard import sections as parts
from safar.dashboard.channel_sections import (
    channel_conversion_section,
    channel_events_section,
    channel_funnel_section,
)
from safar.dashboard.choice import Conversion, Journey, choose_conversion, choose_journey, longest_window
from safar.dashboard.document import Page
from safar.dashboard.figures import course_figure
from safar.dashboard.formatting import count, day
from safar.dashboard.key_figures import KeyFigures, key_figures
from safar.dashboard.map_sections import alerts_section, kpi_section, stages_section
from safar.dashboard.section import Section
from safar.dashboard.svg import Direction
from safar.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safar.analyses.sessions import SessionsResult
    from safar.log import EventLog
    from safar.monitoring import AlertResult
    from safar.result import Result

__all__ = ["Progress", "page_for"]

# Told after each analysis: what was done, and the seconds it took.
Progress = Callable[[str, float], None]

_LONG = timedelta(weeks=26)


@dataclass(slots=True)
class _Work:
    """The log, what was found out so far, and who wants to know."""

    log: EventLog
    progress: Progress | None
    results: dict[str, Result] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
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


def page_for(
    log: EventLog,
    *,
    title: str = "Customer journey",
    funnel_steps: Sequence[StepLike] | None = None,
    stages: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    conversion: str | Sequence[str] | None = None,
    within: Duration | None = None,
    active: str | Sequence[str] | None = None,
    direction: Direction = "ltr",
    progress: Progress | None = None,
) -> Page:
    """Run the analyses on a log and put them on one page.

    Parameters
    ----------
    log
        Any log. One that was read through a journey map also shows its stages, and its KPIs against their targets.
    title
        Heading of the page.
    funnel_steps
        Steps of the funnel. By default the stages of the journey where the log has a column ``stage``, else a path of
        events read from the transitions; the page says by which rule.
    stages
        Stages of the journey: a mapping of stage → events, or the order of the values of the column ``stage``.
    conversion
        Events that are a conversion. By default the event that carries the most value, else one with a usual name, else
        the last step of the funnel; the page says so.
    within
        Window of the funnel. By default the longest usual one that fits three times into the data.
    active
        Events that show that a customer is there, for retention and the customers of each week; by default any event.
        Leave out what the company does, such as e-mails sent.
    direction
        Direction of the page.
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
    >>> page = page_for(log, title="Two customers")
    >>> sorted(page.results)
    ['conversion', 'funnel', 'retention', 'sessions', 'transitions']
    """
    work = _Work(log, progress)
    sessions: SessionsResult = work.run("sessions", lambda: log.sessions("30m"))
    inactivity = longest_window(log, ("30d", "7d", "1d"))
    try:
        transitions = work.run("transitions", lambda: log.transitions(inactivity=inactivity))
    except ArgumentError as problem:
        transitions = None
        work.left_out.append(f"Transitions: {problem}")
    converting = choose_conversion(log, conversion)
    with work.timed("choice of steps"):
        journey = choose_journey(
            log, transitions, converting, steps=funnel_steps, stages=stages, within=within
        )
    funnel: FunnelResult = work.run("funnel", lambda: log.funnel(journey.steps, within=journey.within))
    if converting is None:
        converting = _last_step(journey, funnel)
    converted = work.run("conversion", lambda: log.funnel([_converted(converting)]))
    names = None if active is None else [active] if isinstance(active, str) else list(active)
    period: Literal["week", "month"] = "month" if log.observed_until - log.first > _LONG else "week"
    work.run("retention", lambda: log.retention(names, names, period=period))
    if log.channels:
        _by_channel(work, journey, converting)
    if log.map is not None:
        _by_map(work, period)
    with work.timed("key figures"):
        figures = key_figures(log, sessions, converted, converting, names)
    with work.timed("page"):
        return Page(
            title,
            tiles=figures.tiles,
            sections=_sections(work, journey, converting, figures, names, direction),
            subtitle=f"{day(log.first)} to {day(log.last)}, {log.timezone}",
            notes=_notes(work, converting),
            results=work.results,
            direction=direction,
        )


def _converted(conversion: Conversion) -> Any:
    return step(*conversion.events, name=" or ".join(conversion.events))


def _last_step(journey: Journey, funnel: FunnelResult) -> Conversion:
    """Take the last step of the funnel as the conversion."""
    last = journey.steps[-1]
    events = last.events if isinstance(last, Step) else (last,) if isinstance(last, str) else tuple(last)
    name = funnel.to_dict()["name"][-1]
    return Conversion(events, f"chosen automatically: the last step of the funnel, {name}")


def _by_channel(work: _Work, journey: Journey, conversion: Conversion) -> None:
    log = work.log
    everyone = step(*log.events, name="Any event")
    work.run("customers_by_channel", lambda: log.funnel([everyone], by="channel", at="first"))
    work.run("conversion_by_channel", lambda: log.funnel([_converted(conversion)], by="channel", at="first"))
    work.run("funnel_by_channel", lambda: log.funnel(journey.steps, within=journey.within, by="channel"))


def _by_map(work: _Work, period: Literal["week", "month"]) -> None:
    """What the map of the log says: its stages and its KPIs."""
    log = work.log
    try:
        work.run("stages", log.stages)
    except ArgumentError as problem:
        work.left_out.append(f"Stages: {problem}")
    if log.map is not None and log.map.kpis:
        try:
            work.run("kpis", lambda: log.kpis(period=period))
            # Loaded here, because only pages with a map watch KPIs.
            from safar.monitoring import alerts

            with work.timed("alerts"):
                work.alerts = alerts(log.kpis(period="day"))
        except (ArgumentError, DataError) as problem:
            work.left_out.append(f"KPIs: {problem}")


def _sections(
    work: _Work,
    journey: Journey,
    conversion: Conversion,
    figures: KeyFigures,
    active: Sequence[str] | None,
    direction: Direction,
) -> list[Section]:
    """Order the figures: three in the first row, then pairs, then three."""
    found: dict[str, Any] = dict(work.results)
    made = [parts.funnel_section(found["funnel"], subtitle=journey.said, direction=direction)]
    course = figures.customers
    of = "any event" if active is None else " or ".join(active)
    if course is not None:
        label = f"Active customers per {course.period}"
        made.append(
            Section(
                title=label,
                subtitle=f"Customers with {of}",
                figure=course_figure(course, label=label, direction=direction),
                note=f"A hollow dot is a {course.period} that the data does not cover fully.",
                table={
                    course.period: list(course.starts),
                    "customers": list(course.values),
                    "complete": list(course.complete),
                },
                definition=f"Customers with at least one event ({of}) in the {course.period}, in {work.log.timezone}.",
                width="third",
            )
        )
    if "conversion_by_channel" in found:
        events = " or ".join(conversion.events)
        pair = (found["customers_by_channel"], found["conversion_by_channel"])
        made.append(channel_conversion_section(*pair, events=events, direction=direction))
    elif course is not None:
        made.append(parts.sessions_section(found["sessions"], direction=direction))
    made.append(parts.flow_section(found["funnel"], direction=direction))
    retention = parts.retention_section(found["retention"], subtitle=f"Back with {of}", direction=direction)
    if "transitions" not in found:
        made.append(retention)
    else:
        matrix = parts.matrix_section(found["transitions"], direction=direction)
        ranking = parts.transitions_section(found["transitions"], direction=direction)
        if retention.width == "full":
            # The matrix fills the row of the flow, so that no hole is left before the wide table.
            made += [matrix, retention, replace(ranking, width="full")]
        else:
            made += [retention, matrix, ranking]
    if "funnel_by_channel" in found:
        made.append(
            channel_funnel_section(
                found["funnel_by_channel"], subtitle="% of those who entered, by channel of entry"
            )
        )
        made.append(channel_events_section(work.log.channels, len(work.log), direction=direction))
        made.append(parts.sessions_section(found["sessions"], direction=direction))
    if work.log.map is not None:
        if "stages" in found:
            made.append(stages_section(found["stages"], work.log.map, direction=direction))
        if "kpis" in found:
            made.append(kpi_section(found["kpis"], work.log.map, direction=direction))
        if work.alerts is not None:
            made.append(alerts_section(work.alerts, work.log.map, direction=direction))
    return made


def _notes(work: _Work, conversion: Conversion) -> list[tuple[str, str]]:
    """Say what the data is and what was left out."""
    log = work.log
    until = "as given" if log.observed_until_given else "the latest event; nothing else was given"
    rejected = ", ".join(
        f"{reason.replace('_', ' ')} {count(number)}" for reason, number in log.rejected.items()
    )
    bad = sum(log.rejected.values())
    notes = [
        ("Data", f"{log.first:%Y-%m-%d %H:%M} to {log.last:%Y-%m-%d %H:%M}"),
        ("Observed until", f"{log.observed_until:%Y-%m-%d %H:%M} ({until})"),
        ("Time zone", log.timezone),
        ("Rows read", f"{count(log.info['rows'])}; {count(bad)} rejected" + (f": {rejected}" if bad else "")),
        ("Conversion", f"{' or '.join(conversion.events)} ({conversion.said})"),
        ("Made with", f"safar {_core.__version__}"),
    ]
    return [*notes, *(("Left out", reason) for reason in work.left_out)]
