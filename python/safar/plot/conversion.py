"""Chart of conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.plot.curves import every_step, stepped
from safar.plot.look import look_of
from safar.plot.panels import columns_of, facet, panels_of
from safar.plot.theme import finish, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.conversion import ConversionResult

__all__ = ["conversion"]

What = Literal["reached", "waiting"]

_SAID: dict[str, str] = {
    "reached": "Share that has reached the outcome",
    "waiting": "Share that has not reached the outcome",
}
_UNITS = (
    ("Days since the entry", 86_400.0),
    ("Hours since the entry", 3_600.0),
    ("Minutes since the entry", 60.0),
    ("Seconds since the entry", 1.0),
)


def conversion(
    result: ConversionResult,
    *,
    what: What = "reached",
    title: str | None = None,
    width: int = 520,
    height: int = 300,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw conversion as step curves with their 95 % intervals.

    Parameters
    ----------
    result
        Conversion; by segments it gives a curve for each of the six largest, with competing outcomes a panel each.
    what
        ``"reached"`` (default): the share that has reached the outcome; ``"waiting"``: the share that has not, as a
        survival curve falls from 100 %.
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
    altair.LayerChart or altair.FacetChart
        Time runs in the largest of days, hours, minutes and seconds that the curves fill. A curve ends with the
        longest watch, and shows at most a thousand of its steps.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {"who": [1, 1], "when": ["2026-03-01", "2026-03-03"], "what": ["view", "buy"]},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = conversion(log.conversion("buy"))
    >>> [(row["time"], row["share"]) for row in chart.data.values]
    [(0.0, 0.0), (2.0, 1.0)]
    """
    look = look_of(language, theme, result, of_events=True)
    _args.choice(what, "what", What)
    columns = columns_of(result, look, "outcome")
    curves = _curves(columns)
    panels = panels_of(columns, "at_risk", look, [rows[0] for rows in curves])
    if panels.shown is not None:
        curves = [rows for rows in curves if columns["segment"][rows[0]] in panels.shown]
    longest = max((columns["time_seconds"][rows[-1]] for rows in curves), default=0.0)
    unit, length = next(((name, each) for name, each in _UNITS if longest >= each), _UNITS[-1])
    data: list[dict[str, Any]] = []
    for rows in curves:
        # Everybody is there at the beginning.
        first = records(columns, rows[:1])[0] | {"time_seconds": 0.0, "reached": 0, "censored": 0}
        first |= {"share": 0.0, "share_low": None, "share_high": None}
        drawn = [first, *records(columns, every_step(rows))]
        for row in drawn:
            row["time"] = row["time_seconds"] / length
            if what == "waiting":
                left = {name: row[name] for name in ("share", "share_low", "share_high")}
                row |= dict(
                    zip(("share", "share_high", "share_low"), map(_without, left.values()), strict=True)
                )
        data += drawn
    tooltip = [
        look.tooltip("time", unit, ",.2f"),
        look.tooltip("share", "Share so far" if what == "reached" else "Share still without", ".1%"),
        *look.interval("share"),
        look.tooltip("at_risk", "Customers not decided before", ","),
    ]
    layers = stepped(
        data,
        value="share",
        title=_SAID[what],
        across=unit,
        tooltip=tooltip,
        names=panels.shown,
        look=look,
    ).properties(width=width, height=height)
    subtitle = [
        look.say("Estimated from customers for as long as they were watched; the band is the 95% interval"),
        panels.said,
    ]
    heading = look.heading(title, "Conversion by time since the entry")
    if "outcome" not in columns:
        return finish(layers, title=heading, subtitle=subtitle, look=look)
    whole = facet(layers, "outcome", columns["outcome"], look)
    return finish(whole, title=heading, subtitle=subtitle, look=look)


def _without(share: float | None) -> float | None:
    return None if share is None else 1 - share


def _curves(columns: dict[str, list[Any]]) -> list[list[int]]:
    """The rows of each segment and outcome."""
    curves: dict[tuple[Any, Any], list[int]] = {}
    nothing = [None] * len(columns["share"])
    keys = zip(columns.get("segment", nothing), columns.get("outcome", nothing), strict=True)
    for row, key in enumerate(keys):
        curves.setdefault(key, []).append(row)
    return list(curves.values())
