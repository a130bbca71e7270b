"""The features that are made without being asked for, by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from safar.features.feature import Feature

__all__ = ["GROUPS", "ON_REQUEST", "Seen", "standard"]

_WINDOWS = (7, 28, 90)
_DAY_PARTS = ((0, 6), (6, 12), (12, 18), (18, 24))


@dataclass(frozen=True, slots=True)
class Seen:
    """What there was before the cut-offs: features are made for nothing else."""

    # Names of events and channels.
    events: Sequence[str]
    channels: Sequence[str]
    # Events that have a value.
    valued: Sequence[str]
    # Days that are looked at.
    days: float


def _recency(seen: Seen) -> list[Feature]:
    return [
        _of("recency_days", "days_since_last"),
        _of("tenure_days", "days_since_first", history=True),
        *(_of(f"recency_days_{event}", "days_since_last", events=event) for event in seen.events),
    ]


def _frequency(seen: Seen) -> list[Feature]:
    return [
        _of("events", "count"),
        *(_of(f"events_{days}d", "count", within=f"{days}d") for days in _WINDOWS if days <= seen.days),
        _of("active_days", "active_days"),
        *(_of(f"events_{event}", "count", events=event) for event in seen.events),
    ]


def _monetary(seen: Seen) -> list[Feature]:
    if not seen.valued:
        return []
    return [
        _of(f"value_{measure}", measure, events=tuple(seen.valued), column="value")
        for measure in ("sum", "mean", "max")
    ]


def _rhythm(seen: Seen) -> list[Feature]:
    return [
        _of("gap_mean_days", "gap_mean"),
        _of("gap_median_days", "gap_median"),
        _of("gap_sd_days", "gap_sd"),
        _of("gap_cv", "gap_cv"),
        _of("recency_in_gaps", "days_since_last_in_gaps"),
        _of("burstiness", "burstiness"),
        _of("burstiness_finite", "burstiness_finite"),
        _of("memory", "memory"),
    ]


def _trend(seen: Seen) -> list[Feature]:
    return [
        _of("week_slope", "week_slope"),
        _of("week_theil_sen", "week_theil_sen"),
        _of("week_recent", "week_recent"),
        _of("week_ewma", "week_ewma"),
    ]


def _channel(seen: Seen) -> list[Feature]:
    if not seen.channels:
        return []
    return [
        *(_of(f"channel_share_{name}", "share", column="channel", value=name) for name in seen.channels),
        _of("channel_entropy", "entropy", column="channel"),
        _of("channel_switches", "switches", column="channel"),
    ]


def _clock(seen: Seen) -> list[Feature]:
    return [
        *(_of(f"hour_share_{start}_{end}", "hour_share", hours=(start, end)) for start, end in _DAY_PARTS),
        *(_of(f"weekday_share_{day}", "weekday_share", weekday=day) for day in range(7)),
        _of("mean_hour", "mean_hour"),
        _of("hour_concentration", "hour_concentration"),
    ]


def _state(seen: Seen) -> list[Feature]:
    channel = [_of("last_channel", "last_text", column="channel")] if seen.channels else []
    return [_of("last_event", "last_text", column="event"), *channel]


def _model(seen: Seen) -> list[Feature]:
    return [
        _of("p_alive", "probability_alive", events=tuple(seen.valued) or None),
        _of("expected_steps", "expected_steps"),
    ]


_MAKERS = {
    "recency": _recency,
    "frequency": _frequency,
    "monetary": _monetary,
    "rhythm": _rhythm,
    "trend": _trend,
    "channel": _channel,
    "clock": _clock,
    "state": _state,
    "model": _model,
}
# Made only where they are asked for: models need data that can be fitted, and time.
ON_REQUEST = ("model",)
# In the order of the columns; those of answers to surveys follow.
GROUPS = (*(name for name in _MAKERS if name not in ON_REQUEST), "voice")


def standard(group: str, seen: Seen) -> list[Feature]:
    """The features of a group."""
    return [replace(each, group=group) for each in _MAKERS[group](seen)] if group in _MAKERS else []


def _of(name: str, measure: str, **options: Any) -> Feature:
    return Feature(name, measure, **options)
