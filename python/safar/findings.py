"""What the analyses find of the truths that are planted in the demo shop."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from safar.language import Moment, Said, Share

if TYPE_CHECKING:
    from safar.datasets import Shop, Truth
    from safar.log import EventLog
    from safar.result import ResultTable

__all__ = ["findings"]


def findings(data: Shop, log: EventLog) -> list[Said]:
    """Look for each planted truth with an analysis.

    Parameters
    ----------
    data
        The shop.
    log
        Its whole log.

    Returns
    -------
    list of Said
        One line a truth: what is planted, and what is measured. `Locale.say` says it in another language.

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
    return [
        Said("{name}: {found}", name=truth.name, found=look[truth.name](data, log, truth))
        for truth in data.truths
    ]


def _rate(successes: int, trials: int) -> Said:
    if not trials:
        return Said("no case")
    return Said("{share} ({number} of {all})", share=Share(successes / trials), number=successes, all=trials)


def _bounds(truth: Truth) -> dict[str, Moment]:
    """Give the days of a truth, the first and the one after the last."""
    return {end: Moment(dt.date.fromisoformat(truth.where[end])) for end in ("start", "end")}


def _ends(result: ResultTable, segment: str) -> tuple[int, int]:
    """Take the first and the last step of one segment of a funnel."""
    columns = result.to_dict()
    counts = [n for s, n in zip(columns["segment"], columns["customers"], strict=True) if s == segment]
    return (counts[0], counts[-1]) if counts else (0, 0)


def _checkout(data: Shop, log: EventLog, truth: Truth) -> Said:
    start, end = truth.where["start"], truth.where["end"]
    window = data.log(start=start, end=end)
    steps = ["checkout", "purchase"]
    if not set(steps) <= set(window.events):
        return Said("no checkout from {start} until before {end} in so small a shop", **_bounds(truth))
    inside = window.funnel(steps, within="1d", by="device")
    mobile, desktop = _ends(inside, "mobile"), _ends(inside, "desktop")
    return Said(
        "from {start} until before {end}, {phone} of the customers with a checkout on a phone bought, on a computer "
        "{computer}; planted {planted} and {planted_else} of checkouts",
        phone=_rate(mobile[1], mobile[0]),
        computer=_rate(desktop[1], desktop[0]),
        planted=Share(truth.expected["conversion_inside"]),
        planted_else=Share(truth.expected["conversion_outside"]),
        **_bounds(truth),
    )


def _campaign(data: Shop, log: EventLog, truth: Truth) -> Said:
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
    return Said(
        "{found} of the visitors through {campaign} bought within a day, {found_else} through the other campaigns; "
        "planted {planted} and {planted_else} of visits",
        found=_rate(buyers, visitors),
        campaign=name,
        found_else=_rate(others[2], others[1]),
        planted=Share(truth.expected["purchases_per_visit"]),
        planted_else=Share(truth.expected["purchases_per_visit_other_campaigns"], 0),
    )


def _peak(data: Shop, log: EventLog, truth: Truth) -> Said:
    times = data.orders.table.numpy("time")[0].astype("datetime64[us]")
    days = (times + _offset(log)).astype("datetime64[D]").astype(np.int64)
    a_day = np.bincount(days - days.min())
    first, last = (
        np.datetime64(truth.where[end], "D").astype(np.int64) - days.min() for end in ("start", "end")
    )
    usual = float(np.median(a_day))
    if usual == 0:
        return Said("too few orders in so small a shop")
    return Said(
        "{ratio} times the orders of a median day from {start} until before {end}; planted {planted}",
        ratio=round(float(a_day[first:last].mean()) / usual, 1),
        planted=round(truth.expected["orders_a_day_over_median_day"], 1),
        **_bounds(truth),
    )


def _offset(log: EventLog) -> np.timedelta64:
    """Give the distance of the log's zone from UTC at its first event; Tehran has had one since 2022."""
    distance: Any = log.first.utcoffset()
    return np.timedelta64(distance)


def _persona(data: Shop, log: EventLog, truth: Truth) -> Said:
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
    missing = _rate(0, 0)
    return Said(
        "{first} of {persona} visit in month 1 and {third} in month 3, of the others {third_else} in month 3; planted "
        "{planted_first}, {planted_third} and {planted_else}",
        first=rate.get((True, 1), missing),
        persona=name,
        third=rate.get((True, 3), missing),
        third_else=rate.get((False, 3), missing),
        planted_first=Share(truth.expected["share_active_in_month_1"], 0),
        planted_third=Share(truth.expected["share_active_in_month_3"], 0),
        planted_else=Share(truth.expected["share_active_in_month_3_others"], 0),
    )


def _calls(data: Shop, log: EventLog, truth: Truth) -> Said:
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
        return Said("too few calls in so small a shop")
    return Said(
        "median wait {wait} min by phone and {wait_else} min elsewhere (planted {planted} and {planted_else} in chat); "
        "NPS after it {nps} ({answers} answers) against {nps_else} ({answers_else})",
        wait=round(np.nanmedian(wait[by_call])),
        wait_else=round(np.nanmedian(wait[~by_call])),
        planted=round(truth.expected["median_response_minutes_call"]),
        planted_else=round(truth.expected["median_response_minutes_chat"]),
        nps=round(_nps(scores[True])),
        answers=len(scores[True]),
        nps_else=round(_nps(scores[False])),
        answers_else=len(scores[False]),
    )


def _nps(scores: list[int]) -> float:
    """Give promoters (9, 10) minus detractors (0 to 6) in points of 100."""
    answers = np.array(scores)
    return 100.0 * float((answers >= 9).mean() - (answers <= 6).mean())
