"""The page of a log: which analyses are run, and where their figures stand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from safar import _args, _core
from safar._typing import Duration, Frame, Language
from safar.analyses.funnel import FunnelResult, Step, StepLike, step
from safar.errors import ArgumentError, DataError
from safar.language import Locale
from safar.pages.arrangement import period_of, sections_of
from safar.pages.choice import Conversion, Journey, Stages, choose_conversion, choose_journey, longest_window
from safar.pages.colours import PageTheme
from safar.pages.cube import Cube, cube_of
from safar.pages.document import Page
from safar.pages.filtered import followed_facts
from safar.pages.filters import Filters
from safar.pages.given import check_options, languages_of, read_through, titles_of, with_surveys
from safar.pages.journey_facts import JourneyFacts, Kind, usual_kind
from safar.pages.key_figures import key_figures
from safar.pages.picture import LOOKBACK, lived_journeys, picture_of
from safar.pages.work import Progress, Work

if TYPE_CHECKING:
    from safar.analyses.sessions import SessionsResult
    from safar.journey_map import JourneyMap
    from safar.log import EventLog

__all__ = ["dashboard"]


def dashboard(
    log: EventLog,
    *,
    title: str | Mapping[Language, str] | None = None,
    funnel_steps: Sequence[StepLike] | None = None,
    stages: Stages | None = None,
    conversion: str | Sequence[str] | None = None,
    within: Duration | None = None,
    active: str | Sequence[str] | None = None,
    map: JourneyMap | str | os.PathLike[str] | None = None,
    surveys: Frame | None = None,
    kind: Kind | None = None,
    personas: str | None = None,
    filters: str | Sequence[str] | None = None,
    language: Language | Sequence[Language] = "en",
    theme: PageTheme = "light",
    progress: Progress | None = None,
) -> Page:
    """Run the analyses on a log and put them on one page.

    Parameters
    ----------
    log
        Any log. One that was read through a journey map also shows its stages, and its KPIs against their targets.
    title
        Heading of the page, or of each language: ``{"fa": …, "en": …}``; by default "Customer journey", or the name of
        the map.
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
    filters
        What readers of the page can choose customers by, without a server: columns, of which the value at a customer's
        first event counts, ``"channel"`` (of the first event) and ``"period"`` (its month). By default `personas`,
        ``"channel"`` and ``"period"``; an empty list has no choice, and the page no script.
    language
        ``"en"``, or ``"fa"`` for Persian: from right to left, with Persian digits and the Jalali calendar. Several,
        such as ``("fa", "en")``, stand in one file with a switch at the top that needs no script; the first is shown
        first.
    theme
        ``"light"`` or ``"dark"`` paper, or ``"auto"`` for that of the reader's system; what is printed is light.
    progress
        Called after each analysis with its name and the seconds it took.

    Returns
    -------
    Page
        Its ``results`` has every result behind the figures, by name; of several languages it is the page in the first,
        and ``others`` has those in the others, each with its own results.

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
    check_options(log, personas, progress)
    languages = languages_of(language)
    titles = titles_of(title, languages)
    _args.choice(theme, "theme", PageTheme)
    log = with_surveys(read_through(log, map, personas), surveys, kind)
    names = None if active is None else _args.names(active, "active")
    _args.known_events(names or (), log.events, "active")
    wanted = _Wanted(titles, funnel_steps, stages, conversion, within, names, personas, theme)
    known: dict[tuple[str, str], Any] = {}
    first, *others = (
        _page(Work(log, locale, progress, cube_of(log, filters, personas, locale), known), wanted)
        for locale in [Locale(each) for each in languages]
    )
    return replace(first, others=others)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the caller of a page says about it, as of `dashboard`."""

    titles: Mapping[Language, str]
    funnel_steps: Sequence[StepLike] | None
    stages: Stages | None
    conversion: str | Sequence[str] | None
    within: Duration | None
    active: Sequence[str] | None
    personas: str | None
    theme: PageTheme


def _page(work: Work, wanted: _Wanted) -> Page:
    """The page in one language."""
    log, locale, names = work.log, work.locale, wanted.active
    converting = choose_conversion(log, wanted.conversion, locale)
    sessions: SessionsResult = work.run("sessions", lambda log, _: log.sessions("30m"))
    inactivity = longest_window(log, ("30d", "7d", "1d"))
    try:
        transitions = work.run("transitions", lambda log, by: log.transitions(inactivity=inactivity, by=by))
    except ArgumentError as problem:
        transitions = None
        work.left_out.append(f"{locale.say('Transitions')}: {problem}")
    with work.timed("choice of steps"):
        journey = choose_journey(
            log,
            transitions,
            converting,
            steps=wanted.funnel_steps,
            stages=wanted.stages,
            within=wanted.within,
            locale=locale,
        )
    # Steps have names in the language.
    funnel: FunnelResult = work.run(
        "funnel",
        lambda log, by: log.funnel(journey.steps, within=journey.within, by=by),
        of=locale.language,
    )
    if converting is None:
        converting = _last_step(journey, funnel, locale)
    converted = work.run("conversion", lambda log, by: log.funnel([_converted(converting)], by=by))
    period = period_of(log)
    calendar = locale.calendar
    work.run(
        "retention",
        lambda log, by: log.retention(names, names, period=period, calendar=calendar, by=by),
        of=calendar,
    )
    if log.channels:
        _by_channel(work, journey, converting)
    if log.map is not None:
        _by_map(work, period, wanted.personas)
    with work.timed("key figures"):
        figures = key_figures(log, sessions, converted, converting, names, locale, work.cube)
    with work.timed("page"):
        return Page(
            wanted.titles.get(locale.language) or _title(log, locale),
            tiles=figures.tiles,
            sections=sections_of(work, journey, converting, figures, names),
            subtitle=locale.say(
                "{first} to {last}, {timezone}",
                first=locale.day(log.first),
                last=locale.day(log.last),
                timezone=log.timezone,
            ),
            notes=_notes(work, converting),
            results=work.results,
            language=locale.language,
            theme=wanted.theme,
            filters=None if work.cube is None else _filters(work, work.cube),
        )


def _filters(work: Work, cube: Cube) -> Filters:
    """The choice of customers, after every sum of the page has been made."""
    journey_map, locale = work.log.map, work.locale
    stages = (
        {} if journey_map is None else {each.id: each.name.of(locale.language) for each in journey_map.stages}
    )
    return Filters(cube, stages if "kpis" in work.results else {}, usual_kind(work.log), locale)


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


def _by_channel(work: Work, journey: Journey, conversion: Conversion) -> None:
    everyone = step(*work.log.events, name=work.locale.say("Any event"))
    converted = _converted(conversion)
    language = work.locale.language
    work.run(
        "customers_by_channel",
        lambda log, _: log.funnel([everyone], by="channel", at="first"),
        of=language,
    )
    work.run("conversion_by_channel", lambda log, _: log.funnel([converted], by="channel", at="first"))
    work.run(
        "funnel_by_channel",
        lambda log, by: log.funnel(journey.steps, within=journey.within, by=by or "channel"),
        of=language,
    )


def _by_map(work: Work, period: Literal["week", "month"], personas: str | None) -> None:
    """What the map of the log says: its stages, the picture of the journey and its KPIs."""
    log = work.log
    try:
        work.run("stages", lambda log, by: log.stages(by=by))
        follow = partial(_followed, work)
        lived = work.once("journey map", lambda: lived_journeys(log, None, personas, LOOKBACK))
        work.picture = picture_of(log, lived, personas, work.locale, follow)
    except (ArgumentError, DataError) as problem:
        work.left_out.append(f"{work.locale.say('Stages')}: {problem}")
    if log.map is not None and log.map.kpis:
        try:
            calendar = work.locale.calendar
            work.run(
                "kpis", lambda log, by: log.kpis(period=period, calendar=calendar, by=by or ()), of=calendar
            )
            # Loaded here, because only pages with a map watch KPIs.
            from safar.monitoring import alerts

            work.alerts = work.once("alerts", lambda: alerts(log.kpis(period="day")))
        except (ArgumentError, DataError) as problem:
            work.left_out.append(f"{work.locale.say('KPIs')}: {problem}")


def _followed(work: Work, facts: JourneyFacts) -> JourneyFacts:
    """The picture of everybody's journey, whose numbers follow a choice of customers."""
    found = work.followed("stages", partial(followed_facts, facts=facts, lookback=LOOKBACK))
    return facts if found is None else found


def _notes(work: Work, conversion: Conversion) -> list[tuple[str, str]]:
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
