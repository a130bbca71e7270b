"""Chart of features."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args
from safar._palette import Theme
from safar._typing import Floats, Language
from safar.errors import ArgumentError
from safar.plot.look import Look, look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.features import Entry, FeaturesResult

__all__ = ["features"]

# Features of each group, panels beside each other, and bars in a panel.
_OF_GROUP, _ACROSS, _BARS = 2, 4, 12
_HEIGHT = 110
# Pixels of a letter of a heading.
_LETTER = 6
# From here on amounts are shortened.
_LARGE = 10_000
# 0.3 / 0.1 is a little less than 3.
_NEAR = 1e-9


def features(
    result: FeaturesResult,
    *,
    names: str | Sequence[str] | None = None,
    title: str | None = None,
    width: int = 210,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.VConcatChart:
    """Draw how features are distributed, and how often they are missing.

    Parameters
    ----------
    result
        Features; all cut-offs are drawn together.
    names
        Which of the features that are numbers; by default the first two of each group.
    title
        Heading; by default it says what is drawn.
    width
        Width of a panel in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.VConcatChart
        A histogram for each feature, of the rows where it is known. Its last bar holds all values from there on, where
        a few would stretch the axis.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-10", "2026-03-02"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = features(log.features("2026-03-10"), names="recency_days")
    >>> [(row["from"], row["rows"]) for row in chart.data.values]
    [(8.0, 1), (9.0, 1)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    panels = [_panel(result, entry, look, width) for entry in _chosen(result, names)]
    lines = [panels[start : start + _ACROSS] for start in range(0, len(panels), _ACROSS)]
    rows = [alt.hconcat(*(line[::-1] if look.rtl else line)) for line in lines]
    subtitle = look.say(
        "{number} rows of customers and cut-offs; bars: share of the rows where the feature is known",
        number=look.locale.count(len(result)),
    )
    return finish(alt.vconcat(*rows), title=look.heading(title, "Features"), subtitle=subtitle, look=look)


def _chosen(result: FeaturesResult, names: str | Sequence[str] | None) -> list[Entry]:
    """The features that are drawn."""
    entries = {entry.name: entry for entry in result.entries}
    numbers = result.matrix()[1]
    if names is None:
        groups: dict[str, list[Entry]] = {}
        for name in numbers:
            groups.setdefault(entries[name].group, []).append(entries[name])
        found = [entry for group in groups.values() for entry in group[:_OF_GROUP]]
        if not found:
            raise ArgumentError("none of the features is a number; ask for others, or see result.to_pandas()")
        return found
    for name in _args.names(names, "names"):
        if name not in numbers:
            what = "is a text" if name in entries else f"is not a feature{_args.suggestion(name, numbers)}"
            raise ArgumentError(f'names: "{name}" {what} (numbers: {_args.listing(numbers)})')
    return [entries[name] for name in _args.names(names, "names")]


def _panel(result: FeaturesResult, entry: Entry, look: Look, width: int) -> alt.Chart:
    """The histogram of one feature."""
    import altair as alt

    values = result.values(entry.name)
    known = values[~np.isnan(values)]
    missing = 1 - len(known) / len(values) if len(values) else None
    # A Persian reader has the sentence alone.
    own = [] if look.rtl else [entry.name]
    said = [*own, *look.lines(look.locale.say(entry.sentence), width // _LETTER)]
    share = look.say("Missing: {share}", share=look.locale.share(missing))
    heading = alt.Title(
        said,
        subtitle=share,
        fontSize=11,
        fontWeight="normal",
        color=look.colours.ink,
        subtitleFontSize=11,
        subtitleColor=look.colours.muted,
        anchor="end" if look.rtl else "start",
        align=look.side,
        offset=6,
    )
    axis: dict[str, Any] = {"domain": False, "tickCount": 4}
    bars = _bars(known, look)
    amounts = look.amounts() if bars and bars[-1]["to"] >= _LARGE else {}
    base = alt.Chart(inline(bars), title=heading).encode(
        x=alt.X(
            "from:Q",
            title=look.say(entry.unit) if entry.unit else None,
            scale=alt.Scale(reverse=look.rtl, zero=False),
            axis=alt.Axis(grid=False, **axis, **amounts),
        ),
        x2="to:Q",
        y=alt.Y("share:Q", title=None, axis=alt.Axis(format=".0%", orient=look.side, **axis)),
        y2=alt.datum(0),
        tooltip=[
            look.tooltip("bin", "Value"),
            look.tooltip("rows", "Rows", ","),
            look.tooltip("share", "Share", ".1%"),
        ],
    )
    drawn: alt.Chart = base.mark_bar(color=look.colours.steel, binSpacing=1).properties(
        width=width, height=_HEIGHT
    )
    return drawn


def _bars(known: Floats, look: Look) -> list[dict[str, Any]]:
    """Bars of a round width; the last one holds the highest hundredth as well, if that reaches far."""
    if not len(known):
        return []
    low, high = float(known.min()), float(np.quantile(known, 0.99, method="higher"))
    step = _round_up((high - low) / _BARS)
    whole = bool((known == np.floor(known)).all())
    if whole:
        step = max(step, 1.0)
    first = floor(low / step + _NEAR)
    # Of numbers that are not whole, the highest may stand at the very end: a share of 1.
    bars = max((floor(high / step + _NEAR) + 1 if whole else ceil(high / step - _NEAR)) - first, 1)
    places = np.minimum(np.floor(known / step + _NEAR).astype(np.int64) - first, bars - 1)
    beyond = float(known.max()) >= (first + bars) * step
    found = []
    for place, rows in enumerate(np.bincount(places, minlength=bars).tolist()):
        begin, end = (first + place) * step, (first + place + 1) * step
        texts = [look.locale.number(each, decimals=2) for each in (begin, end)]
        text = "{low} and more" if beyond and place == bars - 1 else "{low} to less than {high}"
        said = look.say(text, low=texts[0], high=texts[1])
        found.append({"from": begin, "to": end, "bin": said, "rows": rows, "share": rows / len(known)})
    return found


def _round_up(width: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    if width <= 0:
        return 1.0
    size = 10.0 ** floor(log10(width))
    return next(size * each for each in (1, 2, 5, 10) if size * each >= width)
