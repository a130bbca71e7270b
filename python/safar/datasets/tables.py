"""From the codes of a `Year` to the columns of the tables, in the forms that `safar._core.Table` reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from safar._typing import Array, Integers
from safar.datasets import campaigns, catalogue, people, personas, support, voice
from safar.datasets.journal import CHANNEL, CHANNELS, DEVICES, EVENT, EVENTS, STAGE_CODES, STAGES
from safar.datasets.rhythm import DAY_MS, START, YEAR_MS, utc
from safar.datasets.year import Year

ZONE = "Asia/Tehran"

# An array, or an array with what makes it more: a zone, a mask of nulls, the labels of codes.
Column = Array | tuple[Array, dict[str, object]]


def customer_ids(count: int) -> list[str]:
    """``c00000001`` and so on."""
    return _numbered("c", np.arange(1, count + 1), 10)


def order_ids(count: int) -> list[str]:
    """``o000000001`` and so on, in the order of time."""
    return _numbered("o", np.arange(1, count + 1), 10)


def ticket_ids(count: int) -> list[str]:
    """``t000000001`` and so on, in the order of time."""
    return _numbered("t", np.arange(1, count + 1), 10)


def _device_ids(devices: Array) -> list[str]:
    """Ids that tell nothing: an odd factor permutes the 32-bit numbers, so they stay distinct."""
    mixed = (devices.astype(np.uint64) + np.uint64(1)) * np.uint64(2_654_435_761) % np.uint64(2**32)
    return _numbered("d", mixed, 16)


def _numbered(letter: str, numbers: Array, base: int) -> list[str]:
    """The letter followed by nine decimal or eight hexadecimal digits, built as one matrix of characters."""
    width = 9 if base == 10 else 8
    digits = numbers.astype(np.uint64)[:, None] // np.uint64(base) ** np.arange(
        width - 1, -1, -1, dtype=np.uint64
    )
    alphabet = np.array([ord(digit) for digit in "0123456789abcdef"], dtype=np.uint32)
    text = np.empty((len(numbers), width + 1), dtype=np.uint32)
    text[:, 0] = ord(letter)
    text[:, 1:] = alphabet[(digits % np.uint64(base)).astype(np.int64)]
    labels: list[str] = text.view(f"U{width + 1}").ravel().tolist()
    return labels


def _labels(codes: Array, names: Sequence[str]) -> Column:
    return codes.astype(np.int32), {"categories": list(names)}


def _zoned(moment: Integers) -> Column:
    """Moments of the year as instants in Tehran; a negative one is null."""
    missing = moment < 0
    return utc(moment), {"zone": ZONE, "mask": missing} if missing.any() else {"zone": ZONE}


def _nullable(values: Array, missing: Array) -> Column:
    return values, {"mask": missing}


def rows(columns: dict[str, Column], where: slice) -> dict[str, Column]:
    """Some rows of each column."""
    return {name: _rows(column, where) for name, column in columns.items()}


def _rows(column: Column, where: slice) -> Column:
    if not isinstance(column, tuple):
        return column[where]
    values, options = column
    mask = options.get("mask")
    return values[where], options | ({"mask": mask[where]} if isinstance(mask, np.ndarray) else {})


def events(year: Year) -> dict[str, Column]:
    """Everything that happened, sorted by time."""
    table, person = year.events, year.events["person"]
    order, ticket, event = table["order"], table["ticket"], table["event"]
    customers = customer_ids(len(year.people["persona"]))
    stage = STAGE_CODES[event]
    stage[(event == EVENT["ces_answer"]) & (ticket < 0)] = STAGES.index("purchase")
    product = table["product"]
    answered = (event == EVENT["support_answered"]) | (event == EVENT["call_answered"])
    return {
        "customer_id": _labels(person, customers),
        "anonymous_id": _anonymous(table),
        "known_id": _labels(
            np.where(table["at"] >= year.people["known_from"][person], person, -1), customers
        ),
        "time": _zoned(table["at"]),
        "event": _labels(event, EVENTS),
        "channel": _labels(table["channel"], CHANNELS),
        "stage": _labels(stage, STAGES),
        "value": _values(year),
        "order_id": _labels(order, order_ids(len(year.orders["at"]))),
        "ticket_id": _labels(ticket, ticket_ids(len(year.tickets["opened"]))),
        "product_category": _labels(_category(product), catalogue.CATEGORIES),
        "product_id": _labels(product, catalogue.PRODUCTS),
        "campaign": _labels(table["campaign"], campaigns.NAMES),
        "device": _labels(table["device"], DEVICES),
        "response_minutes": _nullable(np.append(year.tickets["response_minutes"], 0.0)[ticket], ~answered),
        "score": _nullable(np.append(year.surveys["score"], 0)[table["survey"]], table["survey"] < 0),
        "persona": _labels(year.people["persona"][person], personas.NAMES),
    }


def _category(product: Array) -> Array:
    # Floor division keeps -1, no product, at -1.
    return product // catalogue.PRODUCTS_EACH


def _values(year: Year) -> Column:
    """What a purchase brings in and what a return takes out."""
    event, order = year.events["event"], year.events["order"]
    purchase, sent_back = event == EVENT["purchase"], event == EVENT["return"]
    value = np.zeros(len(event))
    value[purchase] = year.orders["value"][order[purchase]]
    value[sent_back] = -year.orders["refund"][order[sent_back]]
    return _nullable(value, ~(purchase | sent_back))


def _anonymous(table: dict[str, Array]) -> Column:
    """Up to three devices a person: the app, a phone's browser, a computer's browser."""
    app = table["channel"] == CHANNEL["app"]
    on_device = app | (table["channel"] == CHANNEL["web"]) | (table["channel"] == CHANNEL["social"])
    device = table["person"].astype(np.int64) * 3 + np.where(app, 2, table["device"])
    used, codes = _dense(device[on_device])
    column = np.full(len(device), -1, dtype=np.int32)
    column[on_device] = codes
    return column, {"categories": _device_ids(used)}


def _dense(numbers: Array) -> tuple[Array, Array]:
    """The distinct numbers, and each number's place among them; linear, where `np.unique` sorts."""
    seen = np.zeros(int(numbers.max(initial=-1)) + 1, dtype=bool)
    seen[numbers] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[numbers]


def customers(year: Year) -> dict[str, Column]:
    """One row a person; what a stranger has not told is null."""
    table = year.people
    count = len(table["persona"])
    stranger = table["known_from"] >= YEAR_MS
    day = np.where(table["existing"], -table["days_before"], table["known_from"] // DAY_MS)
    city = np.where(stranger, -1, table["city"])
    regular = personas.TRAIT["store_visits"][table["persona"]] > 0.3
    habit = np.where(regular, CHANNEL["store"], np.where(table["uses_app"], CHANNEL["app"], CHANNEL["web"]))
    scores = ("price_sensitivity", "innovation_seeking", "family_orientation", "status_seeking")
    return {
        "customer_id": np.array(customer_ids(count), dtype=object),
        "registered": _nullable((START + day), stranger),
        "birth_year": _nullable(table["birth_year"], stranger),
        "gender": _labels(np.where(stranger, -1, table["gender"]), people.GENDERS),
        "city": _labels(city, people.CITIES),
        "province": _labels(np.append(people.PROVINCE_OF_CITY, -1)[city], people.PROVINCES),
        "income_band": _labels(np.where(stranger, -1, table["income"]), people.INCOME_BANDS),
        "persona": _labels(table["persona"], personas.NAMES),
        "preferred_channel": _labels(np.where(stranger, -1, habit), CHANNELS),
        **{name: _nullable(table[name], stranger) for name in scores},
        "email_consent": table["email_consent"] & ~stranger,
        "sms_consent": table["sms_consent"] & ~stranger,
    }


def orders(year: Year) -> dict[str, Column]:
    """One row an order, sorted by time."""
    table = year.orders
    product = table["product"]
    return {
        "order_id": np.array(order_ids(len(product)), dtype=object),
        "customer_id": _labels(table["person"], customer_ids(len(year.people["persona"]))),
        "time": _zoned(table["at"]),
        "channel": _labels(table["channel"], CHANNELS),
        "campaign": _labels(table["campaign"], campaigns.NAMES),
        "product_category": _labels(_category(product), catalogue.CATEGORIES),
        "product_id": _labels(product, catalogue.PRODUCTS),
        "items": table["items"],
        "value": table["value"],
        "discount": table["discount"],
        "delivered": _zoned(table["delivered"]),
        "returned": _zoned(table["returned"]),
        "refund": table["refund"],
    }


def tickets(year: Year) -> dict[str, Column]:
    """One row a question to support, sorted by time."""
    table = year.tickets
    minutes = table["response_minutes"]
    return {
        "ticket_id": np.array(ticket_ids(len(minutes)), dtype=object),
        "customer_id": _labels(table["person"], customer_ids(len(year.people["persona"]))),
        "order_id": _labels(table["order"], order_ids(len(year.orders["at"]))),
        "opened": _zoned(table["opened"]),
        "answered": _zoned(table["answered"]),
        "closed": _zoned(table["closed"]),
        "channel": _labels(table["channel"], CHANNELS),
        "topic": _labels(table["topic"], support.TOPICS),
        "response_minutes": _nullable(np.nan_to_num(minutes), np.isnan(minutes)),
    }


def surveys(year: Year) -> dict[str, Column]:
    """One row an answer, sorted by time."""
    table = year.surveys
    return {
        "customer_id": _labels(table["person"], customer_ids(len(year.people["persona"]))),
        "time": _zoned(table["at"]),
        "kind": _labels(table["kind"], voice.KINDS),
        "score": table["score"],
        "channel": _labels(table["channel"], CHANNELS),
        "stage": _labels(table["stage"], STAGES),
        "order_id": _labels(table["order"], order_ids(len(year.orders["at"]))),
        "ticket_id": _labels(table["ticket"], ticket_ids(len(year.tickets["opened"]))),
        "comment": table["comment"],
        "language": _labels(table["language"], voice.LANGUAGES),
    }


def campaign_costs(year: Year) -> dict[str, Column]:
    """One row a campaign, with what it cost and what came of it."""
    plan = campaigns.CAMPAIGNS
    event, campaign = year.events["event"], year.events["campaign"]

    def count(name: str) -> Integers:
        chosen = campaign[(event == EVENT[name]) & (campaign >= 0)]
        return np.bincount(chosen, minlength=len(plan)).astype(np.int64)

    mailing = np.arange(len(plan)) >= len(campaigns.PAID)
    clicks = np.where(mailing, count("email_clicked"), count("ad_click"))
    rate = np.array([one.click_rate for one in plan])
    impressions = np.where(mailing, count("email_sent"), np.rint(clicks / rate).astype(np.int64))
    price = np.array([one.click_cost for one in plan])
    return {
        "campaign": np.array(campaigns.NAMES, dtype=object),
        "channel": _labels(np.array([CHANNEL[one.channel] for one in plan]), CHANNELS),
        "start": np.array([one.start for one in plan]),
        "end": np.array([one.end - 1 for one in plan]),
        "cost": np.where(mailing, impressions, clicks) * price,
        "impressions": impressions,
        "clicks": clicks,
    }
