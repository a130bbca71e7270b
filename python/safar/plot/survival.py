"""Chart of survival."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.errors import ArgumentError
from safar.plot.curves import every_step, stepped
from safar.plot.look import Look, look_of
from safar.plot.panels import Panels, columns_of, facet, panels_of
from safar.plot.theme import finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.models.survival import SurvivalResult

__all__ = ["survival"]

What = Literal["survival", "hazard", "incidence"]

# Column, axis and heading of each kind of curve, the value at the beginning, and how it is written.
_KINDS: dict[str, tuple[str, str, str, float, str]] = {
    "survival": ("survival", "Share still there", "Survival", 1.0, ".0%"),
    "hazard": ("cumulative_hazard", "Cumulative hazard", "Cumulative hazard", 0.0, ".2~f"),
    "incidence": ("incidence", "Share that the cause has ended", "Incidence by cause", 0.0, ".0%"),
}
_ACROSS = {
    "second": "Seconds since the beginning",
    "minute": "Minutes since the beginning",
    "hour": "Hours since the beginning",
    "day": "Days since the beginning",
    "week": "Weeks since the beginning",
    "month": "Months since the beginning",
    "year": "Years since the beginning",
}
_ROW = 22


def survival(
    result: SurvivalResult,
    *,
    what: What = "survival",
    title: str | None = None,
    width: int = 520,
    height: int = 300,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.VConcatChart | alt.LayerChart | alt.FacetChart:
    """Draw survival as step curves with their 95 % intervals, over the number of customers at risk.

    Parameters
    ----------
    result
        Survival; by segments it gives a curve for each of the six largest.
    what
        ``"survival"`` (default): the share that is still there; ``"hazard"``: the cumulative hazard, a panel for each
        cause; ``"incidence"``: with causes, the share that each has ended, a panel each.
    title
        Heading; by default it says what is drawn.
    width, height
        Size of a panel in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.VConcatChart, or LayerChart or FacetChart for hazards and incidences
        Curves are pale where fewer than 10 customers are at risk. A curve shows at most a thousand of its steps.

    Examples
    --------
    >>> import safar
    >>> found = safar.survival({"days": [1, 2], "gone": [1, 0]}, duration="days", event="gone")
    >>> [(row["time"], row["survival"]) for row in survival(found).vconcat[0].data.values]
    [(0.0, 1.0), (1.0, 0.5), (2.0, 0.5)]
    """
    look = look_of(language, theme, result)
    _args.choice(what, "what", What)
    if what == "incidence" and not result.causes:
        raise ArgumentError('what="incidence" needs several causes; give the question causes=[…]')
    columns = columns_of(result, look, "cause")
    by_cause = what != "survival" and bool(result.causes)
    if result.causes and not by_cause:
        # Survival is that of all causes, so the rows of one of them say it.
        rows = [row for row, cause in enumerate(columns["cause"]) if cause == columns["cause"][0]]
        columns = {name: [values[row] for row in rows] for name, values in columns.items() if name != "cause"}
    curves = _curves(columns)
    columns["customers"] = columns["entered"].copy()
    for rows in curves:
        columns["customers"][rows[0]] += columns["at_risk"][rows[0]]
    panels = panels_of(columns, "customers", look)
    curves = [rows for rows in curves if panels.shown is None or columns["segment"][rows[0]] in panels.shown]
    value, axis, heading, start, form = _KINDS[what]
    tooltip = [
        look.tooltip("time", _ACROSS[result.unit], ",.2~f"),
        look.tooltip(value, axis, ".1%" if "%" in form else ".3~f"),
        *look.interval(value, ".1%" if "%" in form else ".3~f"),
        look.tooltip("at_risk", "Customers at risk", ","),
    ]
    layers = stepped(
        [row for rows in curves for row in _drawn(columns, rows, value, start)],
        value=value,
        title=axis,
        across=_ACROSS[result.unit],
        tooltip=tooltip,
        names=panels.shown,
        look=look,
        form=form,
        pale=True,
    ).properties(width=width, height=height)
    subtitle = [
        look.say("The band is the 95% interval; pale: fewer than 10 customers at risk"),
        panels.said,
    ]
    said = look.heading(title, heading)
    if by_cause:
        whole = facet(layers, "cause", columns["cause"], look)
        return finish(whole, title=said, subtitle=subtitle, look=look)
    if what == "hazard":
        return finish(layers, title=said, subtitle=subtitle, look=look)
    return finish(
        _over_numbers(layers, columns, curves, panels, look, width), title=said, subtitle=subtitle, look=look
    )


def _curves(columns: dict[str, list[Any]]) -> list[list[int]]:
    """The rows of each segment and cause."""
    curves: dict[tuple[Any, ...], list[int]] = {}
    keys = [columns[name] for name in ("segment", "cause") if name in columns]
    for row in range(len(columns["time"])):
        curves.setdefault(tuple(values[row] for values in keys), []).append(row)
    return list(curves.values())


def _drawn(columns: dict[str, list[Any]], rows: list[int], value: str, start: float) -> list[dict[str, Any]]:
    """The steps of one curve from the beginning on, in parts that are pale and such that are not."""
    steps = records(columns, every_step(rows))
    first = steps[0] | {"time": 0.0, value: start, f"{value}_low": None, f"{value}_high": None}
    steps = [first, *steps] if steps[0]["time"] > 0 else steps
    parts: list[dict[str, Any]] = []
    for before, step in zip([steps[0], *steps], steps, strict=False):
        part = parts[-1]["part"] if parts else 0
        if step["few"] != before["few"]:
            # A part goes on to where the next begins.
            parts.append(step | {"part": part, "few": before["few"]})
            part += 1
        parts.append(step | {"part": part})
    return parts


def _over_numbers(
    layers: alt.LayerChart | alt.FacetChart,
    columns: dict[str, list[Any]],
    curves: list[list[int]],
    panels: Panels,
    look: Look,
    width: int,
) -> alt.VConcatChart:
    """The curves over the numbers of customers at risk."""
    import altair as alt

    longest = max(columns["time"][rows[-1]] for rows in curves)
    rows = []
    for curve in curves:
        times = [columns["time"][row] for row in curve]
        name = columns["segment"][curve[0]] if panels.shown else look.say("At risk")
        for time in _marks(longest):
            place = bisect_left(times, time)
            number = columns["at_risk"][curve[place]] if place < len(curve) else 0
            rows.append(
                {"time": time, "segment": name, "number": number, "written": look.locale.count(number)}
            )
    names = list(panels.shown) if panels.shown else [look.say("At risk")]
    # Numbers at the beginning stand in the middle of its line, half of them where the names would end.
    axis = alt.Axis(orient=look.side, domain=False, ticks=False, labelPadding=24)
    y = alt.Y("segment:N", sort=names, title=None, axis=axis)
    heading = alt.Title(
        look.say("Customers at risk"),
        fontSize=12,
        fontWeight="normal",
        color=look.colours.ink,
        anchor="end" if look.rtl else "start",
    )
    text = (
        alt.Chart(inline(rows), title=heading)
        .mark_text(fontSize=12, color=look.colours.ink)
        .encode(
            x=alt.X("time:Q", axis=None, scale=alt.Scale(reverse=look.rtl, nice=False)),
            y=y,
            text="written:N",
        )
        .properties(width=width, height=_ROW * len(names))
    )
    whole: alt.VConcatChart = alt.vconcat(layers, text, spacing=8).resolve_scale(
        x="shared", color="independent", strokeDash="independent"
    )
    return whole


def _marks(longest: float) -> list[float]:
    """From five to ten round times up to the longest."""
    if longest <= 0:
        return [0.0]
    size = 10.0 ** floor(log10(longest / 5))
    step = next(size * each for each in (1, 2, 5, 10) if longest / (size * each) <= 10)
    return [step * number for number in range(ceil(longest / step) + 1) if step * number <= longest]
