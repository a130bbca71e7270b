"""The vocabulary of the events, and the buffer in which they are collected column by column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from safar._typing import Array
from safar.datasets.rhythm import YEAR_MS

CHANNELS = ("web", "app", "email", "social", "store", "call_center")
CHANNEL = {name: code for code, name in enumerate(CHANNELS)}
DEVICES = ("mobile", "desktop")
MOBILE, DESKTOP = 0, 1
STAGES = ("awareness", "consideration", "purchase", "experience", "loyalty", "advocacy")

STAGE_OF_EVENT = {
    "ad_click": "awareness",
    "social_view": "awareness",
    "email_sent": "awareness",
    "email_opened": "awareness",
    "email_clicked": "consideration",
    "visit": "consideration",
    "store_visit": "consideration",
    "registration": "consideration",
    "login": "consideration",
    "search": "consideration",
    "view_product": "consideration",
    "wishlist": "consideration",
    "add_to_cart": "purchase",
    "checkout": "purchase",
    "payment_failed": "purchase",
    "purchase": "purchase",
    "delivery": "experience",
    "return": "experience",
    "support_ticket": "experience",
    "support_answered": "experience",
    "call_started": "experience",
    "call_answered": "experience",
    "ticket_closed": "experience",
    "csat_answer": "experience",
    "ces_answer": "experience",
    "nps_answer": "loyalty",
    "loyalty_joined": "loyalty",
    "points_redeemed": "loyalty",
    "review_written": "advocacy",
    "referral_sent": "advocacy",
}
EVENTS = tuple(STAGE_OF_EVENT)
EVENT = {name: code for code, name in enumerate(EVENTS)}
STAGE_CODES = np.array([STAGES.index(stage) for stage in STAGE_OF_EVENT.values()], dtype=np.int8)

# Column → type; -1 stands for "none" in every code column.
COLUMNS: Mapping[str, type[np.generic]] = {
    "person": np.int32,
    "at": np.int64,
    "event": np.int8,
    "channel": np.int8,
    "device": np.int8,
    "campaign": np.int8,
    "product": np.int16,
    "order": np.int32,
    "ticket": np.int32,
    "survey": np.int32,
}
_OPTIONAL = ("device", "campaign", "product", "order", "ticket", "survey")


class Journal:
    """Events on their way to one table; what would happen after the year is not written down."""

    def __init__(self) -> None:
        self._chunks: list[dict[str, Array]] = []

    def add(
        self, event: str, person: Array, at: Array, *, channel: Array | int, **codes: Array | int
    ) -> None:
        """Write one event for each person and moment; a negative moment means that it did not happen."""
        happened = (at >= 0) & (at < YEAR_MS)
        everything = bool(happened.all())
        count = len(at) if everything else int(np.count_nonzero(happened))
        given: dict[str, Array | int] = {
            "person": person,
            "at": at,
            "event": EVENT[event],
            "channel": channel,
            **codes,
        }
        chunk: dict[str, Array] = {}
        for name, kind in COLUMNS.items():
            value = given.get(name, -1)
            if isinstance(value, np.ndarray):
                chunk[name] = value.astype(kind) if everything else value[happened].astype(kind)
            else:
                chunk[name] = np.full(count, value, dtype=kind)
        self._chunks.append(chunk)

    def columns(self) -> dict[str, Array]:
        """All events, sorted by time; equal times keep the order in which they were written."""
        joined = join(self._chunks)
        order = np.argsort(joined["at"], kind="stable")
        return {name: values[order] for name, values in joined.items()}


def join(parts: list[dict[str, Array]]) -> dict[str, Array]:
    """Tables with the same columns, one below the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
