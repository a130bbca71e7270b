"""Sections that compare channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safar._intervals import wilson
from safar.dashboard.figures import Bar, bars_figure, steps_figure
from safar.dashboard.formatting import count, share
from safar.dashboard.section import Section
from safar.dashboard.svg import Direction

if TYPE_CHECKING:
    from safar.result import Result

__all__ = ["channel_conversion_section", "channel_events_section", "channel_funnel_section"]

_MOST = 12


def _first_step(result: Result) -> dict[str | None, int]:
    """Take the customers at step 1 of a funnel by segments."""
    columns = result.to_dict()
    rows = zip(columns["segment"], columns["step"], columns["customers"], strict=True)
    return {segment: customers for segment, step, customers in rows if step == 1}


def _largest(sizes: dict[str | None, int]) -> list[str | None]:
    return sorted(sizes, key=lambda name: (-sizes[name], name or ""))[:_MOST]


def _note(shown: int, total: int) -> str | None:
    return f"The {shown} largest of {total} channels." if total > shown else None


def channel_conversion_section(
    everyone: Result, converted: Result, *, events: str, direction: Direction = "ltr"
) -> Section:
    """Compare the share of customers that convert by the channel they first came through.

    Parameters
    ----------
    everyone
        A funnel of one step that every customer reaches, by channel at the first event.
    converted
        A funnel of one step, the conversion, by channel at the first event.
    events
        The conversion in words.
    direction
        Direction of the page.

    Returns
    -------
    Section
        Bars with Wilson intervals, the best channel first.
    """
    customers, buyers = _first_step(everyone), _first_step(converted)
    shown = _largest(customers)
    k = np.array([buyers.get(name, 0) for name in shown], dtype=np.int64)
    n = np.array([customers[name] for name in shown], dtype=np.int64)
    low, high = wilson(k, n)
    columns: dict[str, list[Any]] = {
        "channel": list(shown),
        "customers": n.tolist(),
        "converted": k.tolist(),
        "share": (k / np.maximum(n, 1)).tolist(),
        "share_low": low.tolist(),
        "share_high": high.tolist(),
    }
    order = sorted(range(len(shown)), key=lambda i: (-columns["share"][i], i))
    columns = {name: [values[i] for i in order] for name, values in columns.items()}
    bars = []
    for name, size, number, part, least, most in zip(*columns.values(), strict=True):
        hint = (
            f"{name or '(missing)'}: {count(number)} of {count(size)} customers = {share(part)} "
            f"(95% interval {share(least)} to {share(most)})"
        )
        bars.append(Bar(name, part, share(part), hint, least, most))
    title = "Conversion by first channel"
    return Section(
        title=title,
        subtitle=f"Customers with {events}, by the channel of their first event",
        figure=bars_figure(bars, label=title, heading="of customers, 95% interval", direction=direction),
        note=_note(len(shown), len(customers)),
        table=columns,
        definition=(
            f"Customers with at least one conversion ({events}) among the customers whose first event was in the "
            "channel. The interval is the 95 % Wilson interval of the share."
        ),
        spec=f"{everyone.spec}\n{converted.spec}",
        width="third",
    )


def channel_events_section(counts: dict[str, int], events: int, *, direction: Direction = "ltr") -> Section:
    """Compare how many events came through each channel.

    Parameters
    ----------
    counts
        Events by channel.
    events
        All events; those without a channel are shown as missing.
    direction
        Direction of the page.

    Returns
    -------
    Section
    """
    sizes: dict[str | None, int] = dict(counts.items())
    if events > sum(counts.values()):
        sizes[None] = events - sum(counts.values())
    shown = _largest(sizes)
    bars = [
        Bar(
            name,
            float(sizes[name]),
            share(sizes[name] / events),
            f"{name or '(missing)'}: {count(sizes[name])} of {count(events)} events = {share(sizes[name] / events)}",
        )
        for name in shown
    ]
    title = "Events by channel"
    return Section(
        title=title,
        subtitle=f"Share of {count(events)} events",
        figure=bars_figure(bars, label=title, direction=direction),
        note=_note(len(shown), len(sizes)),
        table={
            "channel": list(shown),
            "events": [sizes[name] for name in shown],
            "share": [sizes[name] / events for name in shown],
        },
        definition="Events of each channel among all events of the log, whoever caused them.",
        width="third",
    )


def channel_funnel_section(result: Result, *, subtitle: str | None = None) -> Section:
    """Compare how far customers come by the channel in which they entered the funnel.

    Parameters
    ----------
    result
        A funnel by channel.
    subtitle
        The line under the heading.

    Returns
    -------
    Section
    """
    entered = _first_step(result)
    shown = _largest(entered)
    columns = result.to_dict()
    return Section(
        title="Funnel by entry channel",
        subtitle=subtitle,
        figure=steps_figure(columns, shown, heading="Channel"),
        note=_note(len(shown), len(entered)),
        table=columns,
        definition=result.definition,
        spec=result.spec,
        width="third",
    )
