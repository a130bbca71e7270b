"""The demo shop: consistent in itself, the same on every machine, and true to the five things planted in it."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

import safar
from safar.datasets import Shop, Truth, shop
from safar.errors import ArgumentTypeError

Array = NDArray[Any]
ROOT = Path(__file__).parent.parent
TABLES = ("events", "customers", "orders", "tickets", "surveys", "campaigns")
TEHRAN = np.timedelta64(210, "m")
DAY = np.timedelta64(1, "D")


def columns(table: safar.ResultTable) -> dict[str, Array]:
    """Every column as one array: nulls are None, NaN or NaT, times are Tehran wall clock."""
    found = {}
    for name in table.columns:
        values, missing = table.table.numpy(name)
        if values.dtype.kind == "M":
            values = np.where(False if missing is None else missing, np.datetime64("NaT"), values)
            values = values + TEHRAN if table.table.zone(name) else values
        elif missing is not None and values.dtype.kind in "iuf":
            values = np.where(missing, np.nan, values)
        found[name] = values
    return found


def digest(data: Shop) -> str:
    """A fingerprint of everything in a shop."""
    total = hashlib.sha256()
    for name in TABLES:
        for column, values in columns(getattr(data, name)).items():
            total.update(f"{name}.{column} {values.tolist()!r}".encode())
    return total.hexdigest()


@pytest.fixture(scope="module")
def data() -> Shop:
    return shop()


@pytest.fixture(scope="module")
def events(data: Shop) -> dict[str, Array]:
    return columns(data.events)


@pytest.fixture(scope="module")
def orders(data: Shop) -> dict[str, Array]:
    return columns(data.orders)


@pytest.fixture(scope="module")
def tickets(data: Shop) -> dict[str, Array]:
    return columns(data.tickets)


@pytest.fixture(scope="module")
def surveys(data: Shop) -> dict[str, Array]:
    return columns(data.surveys)


@pytest.fixture(scope="module")
def customers(data: Shop) -> dict[str, Array]:
    return columns(data.customers)


def rows(table: dict[str, Array], where: Array, *names: str) -> list[tuple[Any, ...]]:
    """The chosen rows of some columns as tuples."""
    return list(zip(*(table[name][where].tolist() for name in names), strict=True))


def given(texts: Array) -> Array:
    """Where a column of texts is not null."""
    return np.asarray(texts != None)  # noqa: E711


def truth(name: str) -> Truth:
    return {one.name: one for one in shop(1).truths}[name]


# ------------------------------------------------------------------------------------------------------- determinism


def test_the_same_seed_gives_the_same_shop_and_another_seed_another() -> None:
    first = digest(shop(300, seed=5))
    assert digest(shop(300, seed=5)) == first
    assert digest(shop(300, seed=6)) != first
    assert digest(shop(np.int64(300), seed=np.uint8(5))) == first  # type: ignore[arg-type]


def test_a_process_with_another_hash_seed_and_without_vector_instructions_makes_the_same_shop() -> None:
    script = (
        "import test_datasets as t; from safar.datasets import shop; print(t.digest(shop(2_000, seed=11)))"
    )
    found: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[call-overload]
    environment = os.environ | {
        "PYTHONHASHSEED": "99",
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
        "PYTHONPATH": os.pathsep.join(
            (str(ROOT / "python"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", ""))
        ),
    }
    other = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest(shop(2_000, seed=11))


def test_a_shop_of_several_blocks_is_numbered_without_gaps() -> None:
    from safar.datasets import journal, year

    whole = year.live(year.BLOCK + 200, 3)
    assert len(whole.people["persona"]) == year.BLOCK + 200
    assert np.all(np.diff(whole.events["at"]) >= 0)
    assert whole.events["person"].max() > year.BLOCK
    purchases = whole.events["order"][whole.events["event"] == journal.EVENT["purchase"]]
    assert np.array_equal(purchases, np.arange(len(whole.orders["at"])))
    assert np.array_equal(
        whole.events["person"][whole.events["event"] == journal.EVENT["purchase"]], whole.orders["person"]
    )
    asked = whole.tickets["order"] >= 0
    assert np.array_equal(
        whole.orders["person"][whole.tickets["order"][asked]], whole.tickets["person"][asked]
    )
    about = whole.surveys["ticket"] >= 0
    assert np.array_equal(
        whole.tickets["person"][whole.surveys["ticket"][about]], whole.surveys["person"][about]
    )


def test_ten_thousand_customers_take_about_a_second_and_time_grows_in_proportion() -> None:
    shop(1_000)
    taken = []
    for count in (10_000, 40_000):
        begin = time.process_time()
        shop(count)
        taken.append(time.process_time() - begin)
    assert taken[0] < 2.0
    assert taken[1] < 10.0 * taken[0]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_tiny_shop_has_all_tables(count: int) -> None:
    tiny = shop(count, seed=4)
    assert len(tiny.customers) == count
    assert [len(getattr(tiny, name)) >= 0 for name in TABLES] == [True] * len(TABLES)
    assert tiny.events.columns == shop(50).events.columns


# ---------------------------------------------------------------------------------------------------------- the tables


@pytest.mark.parametrize("name", TABLES)
def test_every_table_speaks_every_frame(name: str) -> None:
    import polars as pl
    import pyarrow as pa

    table = getattr(shop(200), name)
    pandas, polars, arrow = table.to_pandas(), table.to_polars(), pa.table(table)
    assert len(pandas) == polars.height == arrow.num_rows == len(table)
    assert list(pandas.columns) == polars.columns == arrow.column_names == table.columns
    assert pl.DataFrame(table).null_count().row(0) == tuple(pandas.isna().sum())
    assert getattr(shop(200), name).definition


def test_the_page_about_the_data_names_every_column_event_persona_campaign_and_truth(data: Shop) -> None:
    page = (ROOT / "docs" / "demo_data.md").read_text(encoding="utf-8")
    named = [name for table in TABLES for name in getattr(data, table).columns]
    named += [one.name for one in data.truths] + [one.how_to_find for one in data.truths]
    named += data.events.to_pandas()["event"].unique().tolist()
    named += data.campaigns.to_pandas()["campaign"].tolist()
    named += data.customers.to_pandas()["persona"].unique().tolist()
    assert [name for name in named if name not in page] == []


def test_all_thirty_events_six_channels_and_six_stages_occur(events: dict[str, Array]) -> None:
    assert len(set(events["event"])) == 30
    assert set(events["channel"]) == {"web", "app", "email", "social", "store", "call_center"}
    assert set(events["stage"]) == {
        "awareness",
        "consideration",
        "purchase",
        "experience",
        "loyalty",
        "advocacy",
    }


def test_nothing_happens_outside_the_year(data: Shop, events: dict[str, Array]) -> None:
    first, end = np.datetime64("2025-06-01"), np.datetime64("2026-06-01")
    assert data.observed_until == dt.datetime(2026, 5, 31, 20, 30, tzinfo=dt.UTC)
    assert events["time"].min() < first + DAY
    assert events["time"].max() > end - DAY
    for name in TABLES[:-1]:
        for values in columns(getattr(data, name)).values():
            if values.dtype.kind == "M" and name != "customers":
                known = values[~np.isnat(values)]
                assert known.min() >= first
                assert known.max() < end
    assert np.all(np.diff(events["time"]) >= np.timedelta64(0))


def test_purchases_and_orders_are_one_to_one(events: dict[str, Array], orders: dict[str, Array]) -> None:
    names = ("order_id", "customer_id", "time", "value", "channel", "product_id", "product_category")
    bought = rows(events, events["event"] == "purchase", *names)
    assert sorted(bought) == sorted(rows(orders, slice(None), *names))  # type: ignore[arg-type]
    assert len(set(orders["order_id"])) == len(orders["order_id"])
    assert np.all(orders["value"] > 0)


def test_returns_take_back_what_the_order_says(events: dict[str, Array], orders: dict[str, Array]) -> None:
    sent_back = ~np.isnat(orders["returned"])
    returned = rows(events, events["event"] == "return", "order_id", "time", "value")
    assert sorted(returned) == sorted(
        (order, at, -refund)
        for order, at, refund in rows(orders, sent_back, "order_id", "returned", "refund")
    )
    assert np.all((orders["refund"] > 0) == sent_back)
    assert np.all(orders["refund"] <= orders["value"])
    others = ~np.isin(events["event"], ["purchase", "return"])
    assert np.all(np.isnan(events["value"][others]))


def test_deliveries_follow_online_orders_only(orders: dict[str, Array]) -> None:
    delivered = ~np.isnat(orders["delivered"])
    assert not np.any(delivered & (orders["channel"] == "store"))
    assert np.all(orders["delivered"][delivered] > orders["time"][delivered])
    assert np.all((orders["returned"] > orders["delivered"])[delivered & ~np.isnat(orders["returned"])])
    pending = (orders["channel"] != "store") & ~delivered
    assert np.all(orders["time"][pending] > np.datetime64("2026-04-20"))


def test_tickets_and_their_events_agree(events: dict[str, Array], tickets: dict[str, Array]) -> None:
    for kinds, moment in (
        (("support_ticket", "call_started"), "opened"),
        (("support_answered", "call_answered"), "answered"),
        (("ticket_closed",), "closed"),
    ):
        happened = ~np.isnat(tickets[moment])
        assert sorted(
            rows(events, np.isin(events["event"], kinds), "ticket_id", "customer_id", "channel", "time")
        ) == sorted(rows(tickets, happened, "ticket_id", "customer_id", "channel", moment))
    answered = ~np.isnat(tickets["answered"])
    waited = (tickets["answered"] - tickets["opened"]) / np.timedelta64(1, "m")
    assert np.array_equal(~np.isnan(tickets["response_minutes"]), answered)
    assert np.allclose(waited[answered], tickets["response_minutes"][answered])
    assert np.all((tickets["closed"] > tickets["answered"]) | np.isnat(tickets["closed"]))
    told = ~np.isnan(events["response_minutes"])
    assert np.array_equal(told, np.isin(events["event"], ["support_answered", "call_answered"]))
    by_ticket = dict(rows(tickets, answered, "ticket_id", "response_minutes"))
    assert all(
        by_ticket[ticket] == minutes
        for ticket, minutes in rows(events, told, "ticket_id", "response_minutes")
    )
    calls = np.isin(events["event"], ["call_started", "call_answered"])
    assert set(events["channel"][calls]) == {"call_center"}


def test_answers_and_surveys_are_one_to_one(events: dict[str, Array], surveys: dict[str, Array]) -> None:
    for kind, low, high in (("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)):
        names = ("customer_id", "time", "score", "channel", "stage", "order_id", "ticket_id")
        answered = rows(events, events["event"] == f"{kind}_answer", *names)
        assert sorted(answered, key=repr) == sorted(
            ((*row[:2], float(row[2]), *row[3:]) for row in rows(surveys, surveys["kind"] == kind, *names)),
            key=repr,
        )
        scores = surveys["score"][surveys["kind"] == kind]
        assert scores.min() >= low
        assert scores.max() == high
    assert np.all(given(surveys["order_id"]) ^ given(surveys["ticket_id"]))


def test_an_answer_comes_after_what_it_is_about(
    orders: dict[str, Array], tickets: dict[str, Array], surveys: dict[str, Array]
) -> None:
    closed = dict(rows(tickets, ~np.isnat(tickets["closed"]), "ticket_id", "closed"))
    bought = dict(rows(orders, np.ones(len(orders["time"]), dtype=bool), "order_id", "time"))
    for order, ticket, at in rows(
        surveys, np.ones(len(surveys["time"]), dtype=bool), "order_id", "ticket_id", "time"
    ):
        assert at > (closed[ticket] if order is None else bought[order])


def test_e_mails_are_sent_once_then_opened_then_clicked_then_lead_to_a_visit(
    events: dict[str, Array],
) -> None:
    moments: dict[str, dict[tuple[str, str], Any]] = {}
    for event in ("email_sent", "email_opened", "email_clicked"):
        found = rows(events, events["event"] == event, "customer_id", "campaign", "time")
        moments[event] = {(customer, campaign): at for customer, campaign, at in found}
        assert len(moments[event]) == len(found)
    sent, opened, clicked = moments.values()
    assert set(clicked) < set(opened) < set(sent)
    assert all(opened[key] > sent[key] for key in opened)
    assert all(clicked[key] > opened[key] for key in clicked)
    mailed = np.array([str(name).startswith("email_") for name in events["campaign"]])
    for customer, campaign, at in rows(
        events, mailed & (events["event"] == "visit"), "customer_id", "campaign", "time"
    ):
        assert at > clicked[customer, campaign]
    assert np.all(given(events["known_id"][events["channel"] == "email"]))


def test_e_mails_go_only_to_customers_who_agreed(
    events: dict[str, Array], customers: dict[str, Array]
) -> None:
    agreed = set(customers["customer_id"][customers["email_consent"]])
    assert set(events["customer_id"][events["event"] == "email_sent"]) <= agreed


def test_ids_are_consistent(events: dict[str, Array], customers: dict[str, Array]) -> None:
    assert len(set(customers["customer_id"])) == 10_000
    assert set(events["customer_id"]) <= set(customers["customer_id"])
    known = given(events["known_id"])
    assert np.all((events["known_id"] == events["customer_id"])[known])
    on_device = np.isin(events["channel"], ["web", "app", "social"])
    assert np.array_equal(given(events["anonymous_id"]), on_device)
    assert np.all(known | on_device)
    owners = set(zip(events["anonymous_id"][on_device], events["customer_id"][on_device], strict=True))
    assert len(owners) == len(set(events["anonymous_id"][on_device]))
    assert {str(device)[0] for device, _ in owners} == {"d"}


def test_a_newcomer_is_known_from_the_registration_on(
    events: dict[str, Array], customers: dict[str, Array]
) -> None:
    _, person = np.unique(events["customer_id"], return_inverse=True)
    known = given(events["known_id"])
    since = np.full(person.max() + 1, np.datetime64("2999-01-01"), dtype=events["time"].dtype)
    np.minimum.at(since, person[known], events["time"][known])
    assert np.array_equal(known, events["time"] >= since[person])
    registration = events["event"] == "registration"
    assert np.array_equal(events["time"][registration], since[person[registration]])
    assert len(set(person[registration])) == np.count_nonzero(registration)
    registered = dict(
        zip(customers["customer_id"], customers["registered"].astype("datetime64[D]"), strict=True)
    )
    days = events["time"][registration].astype("datetime64[D]")
    assert all(
        registered[who] == day for who, day in zip(events["customer_id"][registration], days, strict=True)
    )
    before = customers["registered"] < np.datetime64("2025-06-01")
    assert np.count_nonzero(before) + np.count_nonzero(registration) == np.count_nonzero(
        ~np.isnat(customers["registered"])
    )


def test_what_a_stranger_has_not_told_is_null(customers: dict[str, Array]) -> None:
    stranger = np.isnat(customers["registered"])
    assert 0.1 < stranger.mean() < 0.4
    for name in ("gender", "city", "province", "income_band", "preferred_channel"):
        assert np.array_equal(given(customers[name]), ~stranger)
    for name in (
        "birth_year",
        "price_sensitivity",
        "innovation_seeking",
        "family_orientation",
        "status_seeking",
    ):
        assert np.array_equal(np.isnan(customers[name]), stranger)
    assert not np.any(customers["email_consent"] & stranger)
    assert np.all(given(customers["persona"]))
    tehran = customers["city"] == "تهران"
    assert 0.25 < tehran[~stranger].mean() < 0.37
    assert set(customers["province"][tehran]) == {"تهران"}


def test_the_clicks_and_impressions_of_campaigns_are_those_of_the_events(
    data: Shop, events: dict[str, Array]
) -> None:
    table = columns(data.campaigns)
    table |= {name: table[name].astype("datetime64[D]") for name in ("start", "end")}
    clicked = np.isin(events["event"], ["ad_click", "email_clicked"])
    days = events["time"].astype("datetime64[D]")
    for name, channel, start, end, clicks, impressions, cost in rows(
        table, np.ones(23, dtype=bool), "campaign", "channel", "start", "end", "clicks", "impressions", "cost"
    ):
        through = events["campaign"] == name
        assert clicks == np.count_nonzero(through & clicked)
        assert np.all((days >= start)[through & (events["event"] == "ad_click")])
        assert np.all((days <= end)[through & (events["event"] == "ad_click")])
        if channel == "email":
            assert impressions == np.count_nonzero(through & (events["event"] == "email_sent"))
        assert impressions > clicks
        assert cost > 0


# ---------------------------------------------------------------------------------------------------- realistic shapes


def test_activity_is_heavy_tailed_and_follows_the_day_and_the_weekend(
    events: dict[str, Array], orders: dict[str, Array]
) -> None:
    _, counts = np.unique(events["customer_id"], return_counts=True)
    counts = np.sort(counts)[::-1]
    assert counts[: len(counts) // 10].sum() > 0.33 * counts.sum()
    online = np.isin(events["event"], ["visit"])
    hour = events["time"].astype("datetime64[h]").astype(np.int64) % 24
    by_hour = np.bincount(hour[online], minlength=24)
    assert by_hour[21] > 8 * by_hour[4]
    weekday = (
        events["time"].astype("datetime64[D]").astype(np.int64) + 3
    ) % 7  # 1970-01-01 was a Thursday: 3
    calls = np.bincount(weekday[events["event"] == "call_started"], minlength=7)
    assert calls[4] == 0
    assert set(hour[events["event"] == "call_started"]) <= set(range(8, 21))
    stores = np.bincount(weekday[events["event"] == "store_visit"], minlength=7)
    assert stores[3] == stores.max()
    logs = np.log(orders["value"][orders["product_category"] == "fashion"])
    assert abs(stats.skew(logs)) < 0.5
    popular = np.sort(np.unique(orders["product_id"], return_counts=True)[1])[::-1]
    assert popular[:60].sum() > 0.4 * popular.sum()


def test_comments_are_persian_and_english_and_fit_the_score(surveys: dict[str, Array]) -> None:
    written = given(surveys["comment"])
    assert 0.37 < written.mean() < 0.43
    assert np.array_equal(given(surveys["language"]), written)
    persian = surveys["language"] == "fa"
    assert 0.55 < persian[written].mean() < 0.65
    for text in surveys["comment"][persian]:
        letters = [letter for letter in text if letter.isalpha()]
        assert all("\u0600" <= letter <= "\u06ff" for letter in letters)
    assert all(text.isascii() for text in surveys["comment"][surveys["language"] == "en"])
    everything = "".join(surveys["comment"][persian])
    assert all(sign in everything for sign in ("\u200c", "ي", "ی", "ك", "ک"))
    assert len(set(surveys["comment"][written])) > 600
    nps = surveys["kind"] == "nps"
    again = np.array(
        ["Will buy again" in (text or "") or "باز هم می‌خرم" in (text or "") for text in surveys["comment"]]
    )
    never = np.array(
        ["not order again" in (text or "") or "خرید نمی‌کنم" in (text or "") for text in surveys["comment"]]
    )
    assert surveys["score"][nps & again].min() >= 9
    assert surveys["score"][nps & never].max() <= 6


# ------------------------------------------------------------------------------- the planted truths, with plain NumPy


def within(events: dict[str, Array], where: Any) -> Array:
    """Whether each event falls into the days of a truth."""
    inside: Array = (events["time"] >= np.datetime64(where["start"])) & (
        events["time"] < np.datetime64(where["end"])
    )
    return inside


@pytest.mark.parametrize("seed", [7, 8])
def test_the_mobile_checkout_breaks_in_its_window_and_nowhere_else(seed: int) -> None:
    planted = truth("broken_mobile_checkout")
    events = columns(shop(seed=seed).events)
    inside, mobile = within(events, planted.where), events["device"] == planted.where["device"]

    def count(event: str, where: Array) -> int:
        return int(np.count_nonzero(where & (events["event"] == event)))

    def conversion(where: Array) -> float:
        return count("purchase", where) / count("checkout", where)

    assert conversion(mobile & inside) == pytest.approx(planted.expected["conversion_inside"], abs=0.12)
    assert conversion(mobile & ~inside) == pytest.approx(planted.expected["conversion_outside"], abs=0.03)
    assert count("payment_failed", mobile & inside) / count("checkout", mobile & inside) > 0.55
    desktop = (events["device"] == "desktop") & inside
    assert conversion(desktop) > 0.6
    table = [
        [
            count("purchase", mobile & where),
            count("checkout", mobile & where) - count("purchase", mobile & where),
        ]
        for where in (inside, ~inside)
    ]
    assert stats.fisher_exact(table)[1] < 1e-12


def test_the_call_center_is_slow_and_each_doubling_of_the_wait_costs_nps(
    tickets: dict[str, Array], surveys: dict[str, Array]
) -> None:
    planted = truth("slow_call_center")
    minutes = tickets["response_minutes"]
    call, chat = tickets["channel"] == "call_center", np.isin(tickets["channel"], ["web", "app"])
    assert np.nanmedian(minutes[call]) == pytest.approx(
        planted.expected["median_response_minutes_call"], rel=0.2
    )
    assert np.nanmedian(minutes[chat]) == pytest.approx(
        planted.expected["median_response_minutes_chat"], rel=0.2
    )
    waited = dict(zip(tickets["ticket_id"], minutes, strict=True))
    about = (surveys["kind"] == "nps") & given(surveys["ticket_id"]) & (surveys["channel"] == "call_center")
    wait = np.array([waited[ticket] for ticket in surveys["ticket_id"][about]])
    score = surveys["score"][about]
    fit = stats.linregress(np.log2(1 + wait / 15), score)
    slope = planted.expected["nps_points_for_each_doubling_of_1_plus_minutes_over_15"]
    assert abs(fit.slope - slope) < 4 * fit.stderr
    assert fit.pvalue < 1e-9
    other = surveys["score"][(surveys["kind"] == "nps") & ~about]
    assert stats.mannwhitneyu(score, other, alternative="less").pvalue < 1e-12
    assert score[wait >= 45].mean() < score[wait < 15].mean() - 1.5


def test_quick_tryers_leave_after_their_second_month(events: dict[str, Array]) -> None:
    planted = truth("persona_that_leaves")
    _, person = np.unique(events["customer_id"], return_inverse=True)
    month = events["time"].astype("datetime64[M]").astype(np.int64)
    start = np.full(person.max() + 1, -1)
    registration = events["event"] == "registration"
    start[person[registration]] = month[registration]
    quick = np.zeros(len(start), dtype=bool)
    quick[person[events["persona"] == planted.where["persona"]]] = True
    active = np.isin(events["event"], ["visit", "store_visit"]) & (start[person] >= 0)

    def share(period: int, who: Array) -> tuple[int, int]:
        eligible = who & (start >= 0) & (start + period <= month.max())
        back = np.unique(person[active & (month - start[person] == period)])
        return int(np.count_nonzero(eligible[back])), int(np.count_nonzero(eligible))

    first, eligible = share(1, quick)
    assert first / eligible == pytest.approx(planted.expected["share_active_in_month_1"], abs=0.08)
    first_others, eligible_others = share(1, ~quick)
    assert first / eligible > first_others / eligible_others + 0.05
    third, eligible = share(3, quick)
    third_others, eligible_others = share(3, ~quick)
    assert third / eligible == pytest.approx(planted.expected["share_active_in_month_3"], abs=0.04)
    assert third_others / eligible_others == pytest.approx(
        planted.expected["share_active_in_month_3_others"], abs=0.08
    )
    table = [[third, eligible - third], [third_others, eligible_others - third_others]]
    assert stats.fisher_exact(table)[1] < 1e-12


def test_the_giveaway_brings_the_most_visits_of_its_weeks_and_no_buyers(events: dict[str, Array]) -> None:
    planted = truth("campaign_without_buyers")
    through = events["campaign"] == planted.where["campaign"]
    visits = np.count_nonzero(through & (events["event"] == "visit"))
    buyers = np.count_nonzero(through & (events["event"] == "purchase"))
    assert visits > 1_000
    assert buyers <= 5
    assert np.all(within(events, planted.where)[through & (events["event"] == "visit")])
    named = given(events["campaign"])
    in_weeks = within(events, planted.where) & (events["event"] == "visit") & named & ~through
    _, counts = np.unique(events["campaign"][in_weeks].astype(str), return_counts=True)
    assert visits > 3 * counts.max()
    other_visits = np.count_nonzero(named & ~through & (events["event"] == "visit"))
    other_buyers = np.count_nonzero(named & ~through & (events["event"] == "purchase"))
    expected = planted.expected["purchases_per_visit_other_campaigns"]
    assert other_buyers / other_visits == pytest.approx(expected, abs=0.03)
    assert (
        stats.fisher_exact([[buyers, visits - buyers], [other_buyers, other_visits - other_buyers]])[1]
        < 1e-12
    )


def test_sales_peak_before_nowruz_and_sag_in_the_holidays(orders: dict[str, Array]) -> None:
    planted = truth("nowruz_peak")
    first = np.datetime64("2025-06-01")
    day = (orders["time"].astype("datetime64[D]") - first).astype(np.int64)
    by_day = np.bincount(day, minlength=365)
    low, high = (
        int((np.datetime64(planted.where[name]) - first).astype(np.int64)) for name in ("start", "end")
    )
    usual = np.median(by_day)
    assert high - low == 21
    peak = by_day[low:high].mean() / usual
    assert peak == pytest.approx(planted.expected["orders_a_day_over_median_day"], abs=0.5)
    moving = np.convolve(by_day, np.ones(21) / 21, mode="valid")
    assert abs(int(np.argmax(moving)) - low) <= 4
    assert by_day[high + 2 : high + 15].mean() < 0.75 * usual
    assert stats.poisson.sf(by_day[low:high].sum() - 1, 21 * usual) < 1e-12


# ---------------------------------------------------------------------------------- the planted truths, found by safar


def asked(truth_name: str, data: Shop) -> Any:
    """What the code that a truth gives for finding it returns."""
    scope: dict[str, Any] = {"shop": data}
    exec(f"answer = {truth(truth_name).how_to_find}", scope)
    return scope["answer"]


@pytest.fixture(scope="module")
def log(data: Shop) -> safar.EventLog:
    return data.log()


def test_the_log_holds_every_event_and_rejects_none(
    data: Shop, log: safar.EventLog, events: dict[str, Array]
) -> None:
    assert len(log) == len(data.events)
    assert log.rejected == {}
    assert log.customers == len(set(events["customer_id"]))
    assert log.timezone == "Asia/Tehran"
    assert log.observed_until == data.observed_until
    assert log.events == dict(
        zip(*(part.tolist() for part in np.unique(events["event"], return_counts=True)), strict=True)
    )


def test_a_part_of_the_year_makes_a_log_of_its_events(data: Shop, events: dict[str, Array]) -> None:
    part = data.log(start="2025-10-12", end=dt.date(2025, 10, 24))
    inside = (events["time"] >= np.datetime64("2025-10-12")) & (events["time"] < np.datetime64("2025-10-24"))
    assert len(part) == np.count_nonzero(inside)
    assert part.observed_until.isoformat() == "2025-10-24T00:00:00+03:30"
    assert len(data.log(end="2025-10-12")) + len(part) + len(data.log(start="2025-10-24")) == len(data.events)


def test_a_funnel_by_device_finds_the_broken_checkout(data: Shop) -> None:
    inside = asked("broken_mobile_checkout", data).to_pandas()
    before = data.log(start="2025-09-20", end="2025-10-12").funnel(
        ["checkout", "purchase"], within="1d", by="device"
    )

    def share(frame: Any, device: str) -> tuple[float, float, float]:
        row = frame[(frame["segment"] == device) & (frame["step"] == 2)].iloc[0]
        return row["from_first"], row["from_first_low"], row["from_first_high"]

    assert share(inside, "mobile")[2] < 0.5 < 0.7 < share(before.to_pandas(), "mobile")[1]
    assert share(inside, "desktop")[0] > 0.6


def test_the_scores_of_tickets_by_channel_show_the_slow_call_center(data: Shop) -> None:
    median = asked("slow_call_center", data)
    assert median.loc["call_center", "response_minutes"] > 4 * median.loc["web", "response_minutes"]
    assert median.loc["call_center", "score"] < median.loc["app", "score"]


def test_retention_by_persona_finds_the_persona_that_leaves(data: Shop) -> None:
    means = (
        asked("persona_that_leaves", data).means().to_pandas().set_index(["segment", "period"])["weighted"]
    )
    quick = means["quick_tryers"]
    others = means.drop(index="quick_tryers", level=0)
    assert quick[1] > others.xs(1, level="period").max() - 0.02
    assert quick[3] < 0.08 < 0.2 < others.xs(3, level="period").min()


def test_a_funnel_by_campaign_finds_the_campaign_without_buyers(data: Shop) -> None:
    funnel = asked("campaign_without_buyers", data).to_pandas()
    last = funnel[funnel["step"] == 2].set_index("segment")
    assert last["from_first"].idxmin() == "instagram_giveaway"
    assert last.loc["instagram_giveaway", "from_first_high"] < 0.02
    first = funnel[(funnel["step"] == 1)].set_index("segment")["customers"]
    assert first["instagram_giveaway"] > 600


def test_sessions_by_week_find_the_nowruz_peak(data: Shop) -> None:
    weeks = asked("nowruz_peak", data)
    assert dt.date(2026, 3, 6) <= weeks.idxmax().date() <= dt.date(2026, 3, 20)
    assert weeks.max() > 1.7 * weeks.median()


# ------------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize("count", [0, -5, 10**9])
def test_an_impossible_number_of_customers_is_refused(count: int) -> None:
    with pytest.raises(safar.ArgumentError, match=r"customers=.* is out of range; expected 1 to 100000000"):
        shop(count)


@pytest.mark.parametrize("count", [10.5, "10", None, True])
def test_a_number_of_customers_that_is_no_whole_number_is_refused(count: Any) -> None:
    with pytest.raises(safar.ArgumentTypeError, match=r"customers=.* expected a whole number"):
        shop(count)


def test_a_negative_seed_and_an_empty_part_of_the_year_are_refused() -> None:
    with pytest.raises(safar.ArgumentError, match="seed=-1"):
        shop(10, seed=-1)
    with pytest.raises(safar.ArgumentError, match="it runs from 2025-06-01 until before 2026-06-01"):
        shop(10).log(start="2027-01-01")


def test_a_year_without_incidents_has_neither_of_them() -> None:
    quiet = shop(2_000, incidents=False)
    assert [truth.name for truth in quiet.truths] == [
        "slow_call_center",
        "persona_that_leaves",
        "nowruz_peak",
    ]
    events = quiet.events.to_polars()
    assert "instagram_giveaway" not in events["campaign"].cast(pl.String).unique().to_list()
    window = events.filter(pl.col("time").dt.date().is_between(dt.date(2025, 10, 12), dt.date(2025, 10, 23)))
    counts = dict(
        window.filter(pl.col("device").cast(pl.String) == "mobile").group_by("event").len().iter_rows()
    )
    assert counts["purchase"] / counts["checkout"] > 0.6
    with pytest.raises(ArgumentTypeError, match="incidents='no' is a str; expected True or False"):
        shop(10, incidents="no")  # type: ignore[arg-type]
