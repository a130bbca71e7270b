"""What the analyses find of the truths that are planted in the demo shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from safar.datasets import Shop, Truth
    from safar.log import EventLog
    from safar.result import ResultTable

__all__ = ["findings"]


def findings(data: Shop, log: EventLog) -> list[str]:
    """Look for each planted truth with an analysis.

    Parameters
    ----------
    data
        The shop.
    log
        Its whole log.

    Returns
    -------
    list of str
        One line a truth: what is planted, and what is measured.

    Examples
    --------
    >>> import safar
    >>> data = safar.datasets.shop(1_000)
    >>> len(findings(data, data.log()))
    5
    """
    look = {
        "broken_mobile_checkout": _checkout,
        "campaign_without_buyers": _campaign,
        "nowruz_peak": _peak,
        "persona_that_leaves": _persona,
        "slow_call_center": _calls,
    }
    return [f"{truth.name}: {look[truth.name](data, log, truth)}" for truth in data.truths]


def _rate(successes: int, trials: int) -> str:
    return f"{successes / trials:.1%} ({successes:,} of {trials:,})" if trials else "no case"


def _ends(result: ResultTable, segment: str) -> tuple[int, int]:
    """Take the first and the last step of one segment of a funnel."""
    columns = result.to_dict()
    counts = [n for s, n in zip(columns["segment"], columns["customers"], strict=True) if s == segment]
    return (counts[0], counts[-1]) if counts else (0, 0)


def _checkout(data: Shop, log: EventLog, truth: Truth) -> str:
    start, end = truth.where["start"], truth.where["end"]
    window = data.log(start=start, end=end)
    steps = ["checkout", "purchase"]
    if not set(steps) <= set(window.events):
        return f"no checkout from {start} until before {end} in so small a shop"
    inside = window.funnel(steps, within="1d", by="device")
    mobile, desktop = _ends(inside, "mobile"), _ends(inside, "desktop")
    return (
        f"from {start} until before {end}, {_rate(mobile[1], mobile[0])} of the customers with a checkout on a phone "
        f"bought, on a computer {_rate(desktop[1], desktop[0])}; planted {truth.expected['conversion_inside']:.1%} and "
        f"{truth.expected['conversion_outside']:.1%} of checkouts"
    )


def _campaign(data: Shop, log: EventLog, truth: Truth) -> str:
    result = log.funnel(["visit", "purchase"], within="1d", by="campaign")
    name = truth.where["campaign"]
    visitors, buyers = _ends(result, name)
    columns = result.to_dict()
    others: dict[int, int] = {1: 0, 2: 0}
    for segment, step, customers in zip(
        columns["segment"], columns["step"], columns["customers"], strict=True
    ):
        if segment not in (name, None):
            others[step] += customers
    return (
        f"{_rate(buyers, visitors)} of the visitors through {name} bought within a day, "
        f"{_rate(others[2], others[1])} through the other campaigns; planted "
        f"{truth.expected['purchases_per_visit']:.1%} and "
        f"{truth.expected['purchases_per_visit_other_campaigns']:.0%} of visits"
    )


def _peak(data: Shop, log: EventLog, truth: Truth) -> str:
    times = data.orders.table.numpy("time")[0].astype("datetime64[us]")
    days = (times + _offset(log)).astype("datetime64[D]").astype(np.int64)
    a_day = np.bincount(days - days.min())
    first, last = (
        np.datetime64(truth.where[end], "D").astype(np.int64) - days.min() for end in ("start", "end")
    )
    ratio = float(a_day[first:last].mean() / np.median(a_day))
    return (
        f"{ratio:.1f} times the orders of a median day from {truth.where['start']} until before {truth.where['end']}; "
        f"planted {truth.expected['orders_a_day_over_median_day']:.1f}"
    )


def _offset(log: EventLog) -> np.timedelta64:
    """Give the distance of the log's zone from UTC at its first event; Tehran has had one since 2022."""
    distance: Any = log.first.utcoffset()
    return np.timedelta64(distance)


def _persona(data: Shop, log: EventLog, truth: Truth) -> str:
    result = log.retention("registration", ["visit", "store_visit"], period="month", by="persona")
    means = result.means().to_dict()
    name = truth.where["persona"]
    back: dict[tuple[bool, int], list[int]] = {}
    for segment, period, returned, eligible in zip(
        means["segment"], means["period"], means["returned"], means["eligible"], strict=True
    ):
        counts = back.setdefault((segment == name, period), [0, 0])
        counts[0] += returned
        counts[1] += eligible
    rate = {key: _rate(*counts) for key, counts in back.items()}
    missing = "no case"
    return (
        f"{rate.get((True, 1), missing)} of {name} visit in month 1 and {rate.get((True, 3), missing)} in month 3, "
        f"of the others {rate.get((False, 3), missing)} in month 3; planted "
        f"{truth.expected['share_active_in_month_1']:.0%}, {truth.expected['share_active_in_month_3']:.0%} and "
        f"{truth.expected['share_active_in_month_3_others']:.0%}"
    )


def _calls(data: Shop, log: EventLog, truth: Truth) -> str:
    tickets, surveys = data.tickets.table, data.surveys.table
    channel, wait = tickets.numpy("channel")[0], tickets.numpy("response_minutes")[0].astype(np.float64)
    by_call = channel == truth.where["channel"]
    called = dict(zip(tickets.numpy("ticket_id")[0].tolist(), by_call.tolist(), strict=True))
    kind, score = surveys.numpy("kind")[0].tolist(), surveys.numpy("score")[0].tolist()
    about = surveys.numpy("ticket_id")[0].tolist()
    scores: dict[bool, list[int]] = {True: [], False: []}
    for asked, answer, ticket in zip(kind, score, about, strict=True):
        if asked == "nps" and ticket in called:
            scores[called[ticket]].append(answer)
    if not (scores[True] and scores[False] and by_call.any() and (~by_call).any()):
        return "too few calls in so small a shop"
    return (
        f"median wait {np.nanmedian(wait[by_call]):.0f} min by phone and {np.nanmedian(wait[~by_call]):.0f} min "
        f"elsewhere "
        f"(planted {truth.expected['median_response_minutes_call']:.0f} and "
        f"{truth.expected['median_response_minutes_chat']:.0f} in chat); NPS after it {_nps(scores[True]):+.0f} "
        f"({len(scores[True]):,} answers) against {_nps(scores[False]):+.0f} ({len(scores[False]):,})"
    )


def _nps(scores: list[int]) -> float:
    """Give promoters (9, 10) minus detractors (0 to 6) in points of 100."""
    answers = np.array(scores)
    return 100.0 * float((answers >= 9).mean() - (answers <= 6).mean())
