"""The arguments of `EventLog.filter`, checked, as the core takes them."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from safar import _args, _core
from safar.errors import ArgumentError, ArgumentTypeError


def selection(
    *,
    customers: object,
    events: object,
    drop: object,
    start: object,
    end: object,
    where: str | None,
    with_event: object,
    without_event: object,
    match: str | None,
    without_match: str | None,
    sample: float | None,
    check_pattern: Callable[[str], None],
    known: Mapping[str, int],
    timezone: str,
) -> dict[str, Any]:
    """What to keep of a log, whose events and zone are given, and which knows what a pattern may name."""
    chosen: dict[str, Any] = {}
    if customers is not None:
        chosen["customers"] = _ids(customers)
    lists = {"events": events, "drop": drop, "with_event": with_event, "without_event": without_event}
    for argument, given in lists.items():
        if given is not None:
            chosen[argument] = _args.names(given, argument)
            _args.known_events(chosen[argument], known, argument)
    for argument, instant in (("start", start), ("end", end)):
        if instant is not None:
            chosen[f"{argument}_us"] = _args.instant_us(instant, argument, timezone)
    if start is not None and end is not None and chosen["start_us"] >= chosen["end_us"]:
        raise ArgumentError(f"start={start!r} is not before end={end!r}; the range holds start, but not end")
    if where is not None:
        chosen["where"] = _args.text(where, "where")
    for argument, pattern in (("match", match), ("without_match", without_match)):
        if pattern is not None:
            chosen[argument] = _args.text(pattern, argument)
            check_pattern(pattern)
    if sample is not None:
        chosen["sample"] = _share(sample)
    if not chosen:
        raise ArgumentError(
            'filter() needs at least one condition, such as events=["purchase"], where="value > 0" or sample=0.1'
        )
    return chosen


def named_conditions(
    unnamed: tuple[object, ...], events: Mapping[str, int], columns: Mapping[str, str]
) -> None:
    """Refuse conditions without a name, and say by which they can be given."""
    if not unnamed:
        return
    given = unnamed[0]
    if isinstance(given, str) and given in events:
        way_out = f'events="{given}" for these events, with_event="{given}" for customers who have any'
    elif isinstance(given, str) and given in columns:
        is_flag = columns[given] == "Boolean"
        condition = given if is_flag else f"{given} is not null"
        way_out = f'where="{condition}" for events by this column'
    elif isinstance(given, str):
        way_out = f"where={given!r} for a condition on events, or events={given!r}"
    else:
        way_out = 'where="value > 0", events=["purchase"] or customers=["ann"]'
    raise ArgumentTypeError(
        f"filter({given!r}) does not say what this is; give conditions by name, such as {way_out}"
    )


def _share(sample: object) -> float:
    if isinstance(sample, bool) or not isinstance(sample, int | float | np.floating | np.integer):
        raise ArgumentTypeError(
            f"sample={sample!r} is a {type(sample).__name__}; expected a share such as 0.1"
        )
    if not 0 < sample <= 1 or math.isnan(sample):
        way_out = f"; for {sample} per cent write {sample / 100:g}" if 1 < sample <= 100 else ""
        raise ArgumentError(f"sample={sample!r} is not a share above 0, up to 1{way_out}")
    return float(sample)


def _ids(customers: object) -> list[str | int]:
    """Ids as text or whole numbers."""
    if isinstance(customers, str | int | np.integer | uuid.UUID):
        customers = [customers]
    # A table of customers, such as those of a cell of a funnel; a customer may stand in it more than once.
    table = getattr(customers, "table", None)
    if isinstance(table, _core.Table):
        if "customer" not in table.names:
            raise ArgumentError(
                f'customers is a table without the column "customer" (its columns: {_args.listing(table.names)})'
            )
        customers = dict.fromkeys(table.numpy("customer")[0].tolist())
        if not customers:
            raise ArgumentError("customers is a table without a row; nobody stands there")
        customers = list(customers)
    if hasattr(customers, "to_pylist"):
        customers = customers.to_pylist()
    if hasattr(customers, "tolist"):
        customers = customers.tolist()
    if isinstance(customers, Mapping | bytes) or not isinstance(customers, Iterable):
        raise ArgumentTypeError(
            f"customers={customers!r} is a {type(customers).__name__}; expected an id or a list of ids"
        )
    ids = [_id(customer) for customer in customers]
    if not ids:
        raise ArgumentError("customers is an empty list; expected at least one id")
    return ids


def _id(customer: object) -> str | int:
    if isinstance(customer, str):
        return customer
    if isinstance(customer, uuid.UUID):
        return str(customer)
    if isinstance(customer, int | np.integer) and not isinstance(customer, bool):
        if not -(2**63) <= int(customer) < 2**64:
            raise ArgumentError(
                f"customers holds {customer}, which does not fit 64 bits; no id of a log does"
            )
        return int(customer)
    raise ArgumentTypeError(
        f"customers holds {customer!r}, a {type(customer).__name__}; expected ids as text, whole numbers or UUIDs"
    )
