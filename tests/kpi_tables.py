"""Tables of KPIs with known truths, for the tests of monitoring."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

import safar

FIRST = dt.date(2025, 3, 23)
WEEK = (0.96, 0.96, 0.98, 1.10, 1.12, 1.0, 0.96)
# Two years of the Persian New Year: the run-up and the holidays.
SEASON = {
    day: name
    for year in (2025, 2026, 2027)
    for name, first, days in (("run-up", (2, 20), 28), ("nowruz", (3, 20), 14))
    for day in (dt.date(year, *first) + dt.timedelta(days=step) for step in range(days))
}


def days(count: int, first: dt.date = FIRST) -> list[dt.date]:
    return [first + dt.timedelta(days=day) for day in range(count)]


def clean_shops(seed: int, *, count: int, shops: int, first: dt.date = FIRST) -> pl.DataFrame:
    """Days of shops where nothing happens but weekdays, the New Year and noise; no two KPIs share their noise."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    busy = {"run-up": 2.2, "nowruz": 0.55}
    for shop in range(shops):
        visits_a_day, buys = random.uniform(20, 400), random.uniform(0.1, 0.6)
        for day in days(count, first):
            season = busy.get(SEASON.get(day, ""), 1.0)
            expected = visits_a_day * WEEK[day.weekday()] * season * np.exp(random.normal(0, 0.04))
            visits, asked = random.poisson(expected), random.poisson(expected)
            bought = random.binomial(visits, np.clip(buys + random.normal(0, 0.01), 0, 1))
            failed = random.binomial(asked, 0.02)
            answers = random.normal(4, 1, size=max(random.poisson(40), 2))
            revenue = random.lognormal(10, 1, size=random.poisson(expected) + 1).sum()
            for kpi, form, direction, top, down, squares in (
                ("visits", "total", "up", float(visits), None, None),
                ("conversion", "share", "up", float(bought), float(visits), None),
                ("failures", "rate", "down", float(failed), float(asked), None),
                ("csat", "mean", "up", answers.sum(), float(len(answers)), float((answers**2).sum())),
                ("revenue", "total", "up", revenue, None, None),
            ):
                rows.append(
                    {
                        "date": day, "shop": f"shop {shop}", "kpi": kpi, "form": form, "direction": direction,
                        "numerator": top, "denominator": down, "squares": squares,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def share_rows(
    kpi: str, numerators: list[float], denominators: list[float], first: dt.date = FIRST, **columns: Any
) -> pl.DataFrame:
    """Days of one share."""
    count = len(numerators)
    given: dict[str, Any] = {
        "date": days(count, first),
        "kpi": [kpi] * count,
        "form": ["share"] * count,
        "direction": ["up"] * count,
        "numerator": [float(value) for value in numerators],
        "denominator": [float(value) for value in denominators],
    }
    return pl.DataFrame(given | {name: [value] * count for name, value in columns.items()})


def shop_table(data: safar.datasets.Shop) -> pl.DataFrame:
    """Checkouts that end in a purchase by device, and orders, a day each, of the demo shop."""
    text = [pl.col(name).cast(pl.String) for name in ("event", "device")]
    events = data.events.to_polars().with_columns(*text, date=pl.col("time").dt.truncate("1d"))
    online = events.filter(pl.col("device").is_not_null())
    counted = [
        (pl.col("event") == event).sum().cast(pl.Float64).alias(name)
        for event, name in (("purchase", "numerator"), ("checkout", "denominator"))
    ]
    of_devices = online.group_by("date", "device").agg(*counted)
    of_all = online.group_by("date").agg(*counted).with_columns(device=pl.lit(None, dtype=pl.String))
    # A payment after midnight belongs to a checkout of the day before.
    shares = pl.concat([of_devices, of_all.select(of_devices.columns)]).with_columns(
        pl.min_horizontal("numerator", "denominator").alias("numerator"),
        kpi=pl.lit("conversion"),
        form=pl.lit("share"),
    )
    orders = (
        events.filter(pl.col("event") == "purchase")
        .group_by("date")
        .agg(numerator=pl.len().cast(pl.Float64))
        .with_columns(
            device=pl.lit(None, dtype=pl.String),
            denominator=pl.lit(None, dtype=pl.Float64),
            kpi=pl.lit("orders"),
            form=pl.lit("total"),
        )
    )
    return pl.concat([shares, orders.select(shares.columns)]).with_columns(direction=pl.lit("up"))
