"""`safar report`: files of events, and what stands beside them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safar.cli.steps import Steps
from safar.cli.summary import end, summary, tell_rejected
from safar.cli.target import Target
from safar.errors import ArgumentError

if TYPE_CHECKING:
    from safar._core import Table
    from safar.journey_map import JourneyMap
    from safar.log import EventLog

__all__ = ["report"]


def report(options: argparse.Namespace) -> None:
    """Analyse files of events and write a page."""
    from safar.log import read
    from safar.pages import dashboard

    _refuse_alone(options)
    target, steps = Target.of(options), Steps(options)
    with steps.watched():
        beside = _Beside.of(options)
        log = steps.run(
            "event log",
            lambda: read(
                options.files,
                customer=options.customer,
                time=options.time,
                event=options.event,
                channel=options.channel,
                value=options.value,
                attributes=options.attributes,
                timezone=options.timezone,
                time_unit=options.time_unit,
                observed_until=options.observed_until,
                delimiter=options.delimiter,
            ),
        )
        log = beside.put(log, options, steps)
        page = dashboard(
            log,
            title=options.title,
            funnel_steps=None if options.steps is None else [_step(text) for text in options.steps],
            within=options.within,
            conversion=options.conversion,
            active=options.active,
            personas=options.personas,
            filters=options.filters,
            language=options.language,
            theme=options.theme,
            progress=steps.tell,
        )
        steps.run("files", lambda: target.write(page, log))
    if options.quiet:
        tell_rejected(target, log)
        return
    summary(page, log)
    end(target, page, steps)


def _refuse_alone(options: argparse.Namespace) -> None:
    """Refuse options that say something of another one that is not given."""
    for option, of in (("answer_events", "surveys"), ("kind", "surveys"), ("personas", "map")):
        if getattr(options, option) and getattr(options, of) is None:
            name = option.replace("_", "-")
            raise ArgumentError(
                f"--{name} says something of --{of}, which is not given; add --{of} FILE, or leave --{name} out"
            )


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside the events, read before them: they take long, and a fault in a small file is told at once."""

    profiles: Table | None
    journey_map: JourneyMap | None
    surveys: Table | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> _Beside:
        from safar._core import Table
        from safar._files import files_of
        from safar.journey_map import JourneyMap

        def table(file: str | None) -> Table | None:
            return None if file is None else Table.read(files_of(file))

        journey_map = None if options.map is None else JourneyMap.load(options.map)
        return cls(table(options.profiles), journey_map, table(options.surveys))

    def put(self, log: EventLog, options: argparse.Namespace, steps: Steps) -> EventLog:
        """The log with profiles, a map and surveys."""
        from safar.pages.given import with_surveys

        profiles, journey_map = self.profiles, self.journey_map
        if profiles is not None:
            log = steps.run("profiles", lambda: log.with_profiles(profiles, key=options.customer))
        if journey_map is not None:
            log = steps.run("journey map", lambda: log.with_map(journey_map))
        if self.surveys is not None:
            log = steps.run(
                "surveys",
                lambda: with_surveys(
                    log,
                    self.surveys,
                    options.kind,
                    customer=options.customer,
                    time=options.time,
                    time_unit=options.time_unit,
                    answer_events=options.answer_events,
                ),
            )
        return log


def _step(text: str) -> str | tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("|"))
    return names[0] if len(names) == 1 else names
