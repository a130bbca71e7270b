"""The campaigns of the year: paid ones that bring visits, and the e-mails that the shop sends itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar.datasets.rhythm import moment_of

GIVEAWAY = "instagram_giveaway"


@dataclass(frozen=True)
class Campaign:
    """One campaign.

    Attributes
    ----------
    channel : where people meet it.
    start, end : first day, and the day after the last.
    pull : probability that an ordinary visit of that span comes through it (0: does not work that way).
    quality : factor on the probability that a visit fills a cart.
    click_rate : clicks for each impression.
    click_cost : toman for a click; of an e-mail: toman for each one sent.
    """

    name: str
    channel: str
    start: np.datetime64
    end: np.datetime64
    pull: float
    quality: float
    click_rate: float
    click_cost: int

    @property
    def span(self) -> tuple[int, int]:
        """Start and end in milliseconds of the year."""
        return moment_of(self.start), moment_of(self.end)


def _paid(
    name: str,
    channel: str,
    start: str,
    end: str,
    pull: float,
    quality: float,
    click_rate: float,
    click_cost: int,
) -> Campaign:
    return Campaign(
        name, channel, np.datetime64(start), np.datetime64(end), pull, quality, click_rate, click_cost
    )


def _mailing(name: str, day: str) -> Campaign:
    sent = np.datetime64(day)
    return Campaign(name, "email", sent, sent + 14, 0.0, 1.35, 1.0, 180)


PAID = (
    _paid("search_always_on", "web", "2025-06-01", "2026-06-01", 0.07, 1.25, 0.045, 9_000),
    _paid("instagram_summer", "social", "2025-07-05", "2025-08-01", 0.12, 0.80, 0.011, 4_500),
    _paid("app_install", "app", "2025-08-09", "2025-09-06", 0.25, 1.00, 0.009, 12_000),
    _paid("back_to_school", "web", "2025-09-06", "2025-09-27", 0.15, 1.10, 0.006, 6_500),
    _paid("black_friday", "web", "2025-11-19", "2025-11-29", 0.30, 1.30, 0.021, 7_500),
    _paid("yalda_night", "social", "2025-12-12", "2025-12-22", 0.22, 1.05, 0.014, 5_000),
    _paid(GIVEAWAY, "social", "2026-01-10", "2026-01-31", 0.0, 0.02, 0.034, 2_800),
    _paid("nowruz_social", "social", "2026-02-20", "2026-03-19", 0.14, 1.05, 0.013, 5_500),
    _paid("nowruz_search", "web", "2026-02-20", "2026-03-19", 0.13, 1.35, 0.050, 11_000),
    _paid("spring_instagram", "social", "2026-04-18", "2026-05-16", 0.12, 0.85, 0.012, 4_800),
)

MAILINGS = (
    _mailing("email_june", "2025-06-10"),
    _mailing("email_july", "2025-07-15"),
    _mailing("email_august", "2025-08-12"),
    _mailing("email_school", "2025-09-16"),
    _mailing("email_october", "2025-10-07"),
    _mailing("email_november", "2025-11-04"),
    _mailing("email_black_friday", "2025-11-20"),
    _mailing("email_yalda", "2025-12-16"),
    _mailing("email_january", "2026-01-13"),
    _mailing("email_february", "2026-02-10"),
    _mailing("email_nowruz", "2026-03-03"),
    _mailing("email_april", "2026-04-14"),
    _mailing("email_may", "2026-05-12"),
)

CAMPAIGNS = PAID + MAILINGS
NAMES = tuple(campaign.name for campaign in CAMPAIGNS)
CODE = {name: code for code, name in enumerate(NAMES)}
# One more entry at the end: code -1, no campaign.
QUALITY = np.array([campaign.quality for campaign in CAMPAIGNS] + [1.0])
