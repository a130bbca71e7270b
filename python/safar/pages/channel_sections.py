"""Sections that compare channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from safar._intervals import wilson
from safar.language import ENGLISH, Locale
from safar.pages.figures import Bar, bars_figure, steps_figure
from safar.pages.section import Columns, Section

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


def _note(shown: int, total: int, locale: Locale) -> str | None:
    if total <= shown:
        return None
    numbers = {"shown": locale.count(shown), "all": locale.count(total)}
    return locale.say("The {shown} largest of {all} channels.", **numbers)


def channel_conversion_section(
    everyone: Result,
    converted: Result,
    *,
    events: str,
    follow: Callable[[Columns], Columns] = lambda columns: columns,
    locale: Locale = ENGLISH,
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
    follow
        Lets the numbers of columns follow a choice of customers.
    locale
        How readers are written to.

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
    columns = follow({name: [values[i] for i in order] for name, values in columns.items()})
    bars = []
    for name, size, number, part, least, most in zip(*columns.values(), strict=True):
        hint = locale.say(
            "{name}: {number} of {all} customers = {share} (95% interval {low} to {high})",
            name=locale.name(name),
            number=locale.count(number),
            all=locale.count(size),
            share=locale.share(part),
            low=locale.share(least),
            high=locale.share(most),
        )
        bars.append(Bar(locale.label(name), part, locale.share(part), hint, least, most))
    title = locale.say("Conversion by first channel")
    return Section(
        title=title,
        subtitle=locale.say("Customers with {events}, by the channel of their first event", events=events),
        figure=bars_figure(
            bars, label=title, heading=locale.say("of customers, 95% interval"), locale=locale
        ),
        note=_note(len(shown), len(customers), locale),
        table=columns,
        definition=locale.say(
            "Customers with at least one conversion ({events}) among the customers whose first event was in the "
            "channel. The interval is the 95 % Wilson interval of the share.",
            events=events,
        ),
        spec=f"{everyone.spec}\n{converted.spec}",
        width="third",
    )


def channel_events_section(counts: dict[str, int], events: int, *, locale: Locale = ENGLISH) -> Section:
    """Compare how many events came through each channel.

    Parameters
    ----------
    counts
        Events by channel.
    events
        All events; those without a channel are shown as missing.
    locale
        How readers are written to.

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
            locale.label(name),
            float(sizes[name]),
            locale.share(sizes[name] / events),
            locale.say(
                "{name}: {number} of {all} events = {share}",
                name=locale.name(name),
                number=locale.count(sizes[name]),
                all=locale.count(events),
                share=locale.share(sizes[name] / events),
            ),
        )
        for name in shown
    ]
    title = locale.say("Events by channel")
    return Section(
        title=title,
        subtitle=locale.say("Share of {number} events", number=locale.count(events)),
        figure=bars_figure(bars, label=title, locale=locale),
        note=_note(len(shown), len(sizes), locale),
        table={
            "channel": list(shown),
            "events": [sizes[name] for name in shown],
            "share": [sizes[name] / events for name in shown],
        },
        definition=locale.say("Events of each channel among all events of the log, whoever caused them."),
        width="third",
    )


def channel_funnel_section(
    result: Result, *, subtitle: str | None = None, locale: Locale = ENGLISH
) -> Section:
    """Compare how far customers come by the channel in which they entered the funnel.

    Parameters
    ----------
    result
        A funnel by channel.
    subtitle
        The line under the heading.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    entered = _first_step(result)
    shown = _largest(entered)
    columns = result.to_dict()
    return Section(
        title=locale.say("Funnel by entry channel"),
        subtitle=subtitle,
        figure=steps_figure(columns, shown, heading="Channel", locale=locale),
        note=_note(len(shown), len(entered), locale),
        table=columns,
        definition=result.definition,
        spec=result.spec,
        width="third",
    )
