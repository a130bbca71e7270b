"""What the caller of a page gives, checked before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from safar import _args, _table
from safar._typing import Frame, Language, TimeUnit
from safar.errors import ArgumentError, ArgumentTypeError
from safar.pages.journey_facts import Kind

if TYPE_CHECKING:
    from safar.journey_map import JourneyMap
    from safar.log import EventLog

__all__ = ["check_options", "languages_of", "read_through", "titles_of", "with_surveys"]


def check_options(log: object, personas: object, progress: object) -> None:
    """Refuse what is of a wrong type.

    Parameters
    ----------
    log, personas, progress
        Arguments of `dashboard`.
    """
    from safar.log import EventLog

    if not isinstance(log, EventLog):
        raise ArgumentTypeError(
            f"log is a {type(log).__name__}; expected an EventLog, such as safar.EventLog(data, customer=…, time=…, "
            "event=…)"
        )
    if personas is not None:
        _args.text(personas, "personas")
    if progress is not None and not callable(progress):
        raise ArgumentTypeError(
            f"progress is a {type(progress).__name__}; expected a function of the name of an analysis and its seconds"
        )


def languages_of(language: object) -> tuple[Language, ...]:
    """The languages of a page, the first shown first.

    Parameters
    ----------
    language
        One of them, or several.

    Examples
    --------
    >>> languages_of("fa"), languages_of(["fa", "en"])
    (('fa',), ('fa', 'en'))
    """
    wanted = _args.names(language, "language")
    for each in wanted:
        _args.choice(each, "language", Language)
    return cast("tuple[Language, ...]", wanted)


def titles_of(title: object, languages: Sequence[Language]) -> dict[Language, str]:
    """The heading in each language; none where none was given.

    Parameters
    ----------
    title
        One for all languages, or one for each.
    languages
        Those of the page.

    Examples
    --------
    >>> titles_of("Safar", ["fa", "en"])
    {'fa': 'Safar', 'en': 'Safar'}
    """
    if title is None:
        return {}
    if not isinstance(title, Mapping):
        return dict.fromkeys(languages, _args.text(title, "title"))
    for language in title:
        if language not in languages:
            raise ArgumentError(
                f"title has a heading in {language!r}, which is no language of the page (language={list(languages)})"
            )
    for language in languages:
        if language not in title:
            raise ArgumentError(
                f'title has no heading in "{language}", which is a language of the page; add it'
            )
    return {language: _args.text(title[language], f"title[{language!r}]") for language in languages}


def read_through(
    log: EventLog, journey_map: JourneyMap | str | os.PathLike[str] | None, personas: str | None
) -> EventLog:
    """Read a log through a map, and make sure that there are personas if they are wanted.

    Parameters
    ----------
    log
        The log.
    journey_map
        The map or its file; None keeps that of the log.
    personas
        The column whose values have a map of their own.

    Returns
    -------
    EventLog
    """
    from safar.journey_map import JourneyMap

    if journey_map is not None:
        if not isinstance(journey_map, JourneyMap | str | os.PathLike):
            raise ArgumentTypeError(
                f"map is a {type(journey_map).__name__}; expected a JourneyMap or the path of its file"
            )
        log = log.with_map(
            journey_map if isinstance(journey_map, JourneyMap) else JourneyMap.load(journey_map)
        )
    if personas is not None:
        if log.map is None:
            raise ArgumentError(
                f'personas="{personas}" are journey maps beside that of everybody, and the log has no map; give one '
                "with map=, or read the log through one: log.with_map(safar.JourneyMap.load(…))"
            )
        _args.known_segment(personas, log.columns, log.roles, "personas")
    return log


def with_surveys(
    log: EventLog,
    surveys: Frame | None,
    kind: Kind | None,
    *,
    customer: str = "customer",
    time: str = "time",
    time_unit: TimeUnit | None = None,
    answer_events: str | Sequence[str] = (),
) -> EventLog:
    """Put answers beside a log: of several kinds, which a column ``kind`` tells apart, or of one.

    Parameters
    ----------
    log
        The log.
    surveys
        A row an answer, with a column ``score``; None leaves the log as it is.
    kind
        Of which kind all of them are, where there is no column ``kind``.
    customer, time
        Columns of the surveys.
    time_unit
        What a number in `time` counts since 1970.
    answer_events
        Events that are the answers themselves.

    Returns
    -------
    EventLog
    """
    if kind is not None:
        _args.choice(kind, "kind", Kind)
    if surveys is None:
        if kind is not None:
            raise ArgumentError(
                f'kind="{kind}" says of which kind the surveys are, and there are none; give them with surveys='
            )
        return log
    names = _table.names_of(surveys)
    wanted = (customer, time, "score")
    lacking = next((name for name in wanted if name not in names), None)
    if lacking is not None:
        raise ArgumentError(
            f'surveys has no column "{lacking}"{_args.suggestion(lacking, names)} (it has {_args.listing(names)}); '
            f"expected {_args.listing(wanted)}; rename its columns, or use log.with_scores(surveys, customer=…, "
            "time=…, score=…) before, which takes any names"
        )
    if "kind" in names and kind is not None:
        raise ArgumentError(
            f'kind="{kind}" is given, and surveys has a column "kind" that says it of each row; leave one of them out'
        )
    if "kind" not in names and kind is None:
        raise ArgumentError(
            'surveys has no column "kind"; say of which kind all of them are, such as kind="nps" (allowed: "nps", '
            '"csat", "ces"), or add the column'
        )
    column = "kind" if kind is None else None
    return log.with_scores(
        surveys,
        customer=customer,
        time=time,
        score="score",
        kind=column,
        scale=kind,
        answer_events=answer_events,
        time_unit=time_unit,
    )
