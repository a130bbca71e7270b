"""Chart of customer value: who is still there, and how much there is to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar._palette import Theme
from safar._typing import Language
from safar.plot.histograms import Counted, histograms
from safar.plot.look import look_of

if TYPE_CHECKING:
    import altair as alt

    from safar.models import LifetimeValueResult

__all__ = ["lifetime_value"]

_COUNTED = Counted("customers", "Customers", "All customers", "Share of customers", "{number} customers")
_ALIVE = (
    (0, "under 10%"),
    (0.1, "10–30%"),
    (0.3, "30–50%"),
    (0.5, "50–70%"),
    (0.7, "70–90%"),
    (0.9, "over 90%"),
)
_AHEAD = ((0, "under 0.5"), (0.5, "0.5–1"), (1, "1–2"), (2, "2–5"), (5, "5–10"), (10, "10 and more"))


def lifetime_value(
    result: LifetimeValueResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.HConcatChart:
    """Draw how many customers are still there, and how many purchases are to come.

    Parameters
    ----------
    result
        Customer value.
    title
        Heading; by default it says what is drawn.
    width
        Width of each of the two panels in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.HConcatChart
        Two histograms of customers with bins that do not depend on the data, so that two charts compare (a bin holds
        its lower end, not its upper): the probability of being still there, and purchases to expect within the
        horizon.

    Examples
    --------
    >>> import safar
    >>> result = safar.lifetime_value(safar.datasets.shop(400).log())
    >>> chart = lifetime_value(result)
    >>> sum(row["customers"] for row in chart.hconcat[0].data.values) == len(result)
    True
    """
    look = look_of(language, theme, result)
    alive, ahead = (
        np.nan_to_num(result.table.numpy(name)[0]) for name in ("probability_alive", "expected_purchases")
    )
    panels = (
        ("Probability of being still there", alive, _ALIVE),
        ("Purchases to expect", ahead, _AHEAD),
    )
    return histograms(panels, _COUNTED, title=look.heading(title, "Customer value"), width=width, look=look)
