"""What paths are counted of: whole journeys or sessions, and the events of each that are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from safar import _args
from safar._typing import Duration, Per
from safar.analyses._spec import observed
from safar.language import Length, Said, paragraph, quoted

if TYPE_CHECKING:
    from safar._log import Log


class CountsUnits(Protocol):
    """A question about the paths of units."""

    @property
    def per(self) -> Per:
        """What is one unit."""

    @property
    def gap(self) -> Duration:
        """The longest pause inside a session."""

    @property
    def inactivity(self) -> Duration:
        """How long a journey may rest and still go on."""

    @property
    def events(self) -> str | Sequence[str] | None:
        """The events that are looked at."""

    @property
    def by(self) -> str | None:
        """The column to segment by."""


def check_units(spec: CountsUnits) -> None:
    """Check what all questions about units share, and bring it into its one form."""
    _args.choice(spec.per, "per", Per)
    for name in ("gap", "inactivity"):
        object.__setattr__(spec, name, _args.duration(getattr(spec, name), name))
    if spec.events is not None:
        object.__setattr__(spec, "events", _args.names(spec.events, "events"))
    if spec.by is not None:
        _args.text(spec.by, "by")


def unit_params(spec: CountsUnits, log: Log, *, collapse: bool = False) -> dict[str, object]:
    """The kernel's parameters, after a check of every name against the log."""
    _args.known_events(spec.events or (), log.events, "events")
    _args.known_segment(spec.by, log.columns, log.roles)
    return {
        "per": spec.per,
        "gap_us": _args.microseconds(spec.gap),
        "inactivity_us": _args.microseconds(spec.inactivity),
        "events": spec.events,
        "collapse": collapse,
    }


def unit_sentence(spec: CountsUnits, log: Log, *, collapse: bool = False) -> Said:
    """What a unit is and when it is open, for a definition."""
    if spec.per == "sessions":
        pause = spec.gap
        text = (
            "A unit is a session: a run of one customer's events with no pause longer than {pause}; it is open if its "
            "last event was within {pause} of {end}."
        )
    else:
        pause = spec.inactivity
        text = "A unit is the whole journey of a customer; it is open if its last event was within {pause} of {end}."
    looked_at = "Only the events {events} are looked at, and units without any are left out."
    return paragraph(
        Said(text, pause=Length(pause), end=observed(log)),
        None if spec.events is None else Said(looked_at, events=quoted(spec.events)),
        repeats_sentence(collapse=collapse),
    )


def repeats_sentence(*, collapse: bool) -> Said | None:
    """What becomes of repeats, for a definition."""
    return Said("Repeats of one event in a row count once.") if collapse else None


def unit_words(spec: CountsUnits) -> Said:
    """The units of a question in the plural."""
    return Said("sessions") if spec.per == "sessions" else Said("journeys")


def segment_words(spec: CountsUnits) -> Said:
    """Which value of a column counts as the segment of a unit."""
    if spec.per == "sessions":
        return Said("at the first event of the session")
    return Said("at the first event of the customer")


def top_sentence(top: int | None, by: str | None, texts: tuple[str, str]) -> Said | None:
    """Which rows the table holds, of all or of each segment, for a definition."""
    return None if top is None else Said(texts[by is not None], top=top)
