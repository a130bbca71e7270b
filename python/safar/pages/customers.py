"""Customers in groups that share none: the same for every figure of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safar import _args
from safar._typing import Integers

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Groups", "groups_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which group each customer is in.

    Attributes
    ----------
    codes : the place of the group in `names`, for each customer in the order of the log.
    names : None is that of customers without a value.
    """

    codes: Integers
    names: Sequence[str | None]

    @property
    def sizes(self) -> Integers:
        """How many customers each group has."""
        return np.bincount(self.codes, minlength=len(self.names)).astype(np.int64)

    def largest(self, most: int) -> list[int]:
        """The places of the groups with the most customers, largest first; without those who have no value."""
        sizes = self.sizes
        known = [place for place, name in enumerate(self.names) if name is not None and sizes[place]]
        return sorted(known, key=lambda place: (-sizes[place], self.names[place]))[:most]

    def part(self, log: EventLog, place: int) -> EventLog:
        """The log of the customers of one group."""
        return log.filter(customers=log.core.customers().numpy("customer")[0][self.codes == place])


def groups_of(log: EventLog, column: str) -> Groups:
    """Group customers by what a column says at their first event.

    Parameters
    ----------
    log
        The log.
    column
        Any column that segments may come from.

    Returns
    -------
    Groups
    """
    _args.known_segment(column, log.columns, log.roles)
    first = np.ascontiguousarray(log.core.view("offsets")[:-1], dtype=np.int64)
    return Groups(*log.core.events_table([column], first).codes(column))
