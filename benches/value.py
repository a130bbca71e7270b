"""Customer value beside lifetimes: a fit of BG/NBD and the scores of all customers.

    python benches/value.py --customers 1M

Customers are made up: they buy and stop as the model has it, for up to a year, times in whole days. lifetimes is
measured where it is installed; it fits the different histories with their number, which pandas groups, and scores all.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import safar
from safar.models import BgNbd

SIZES = {"100k": 100_000, "1M": 1_000_000, "10M": 10_000_000}
HORIZON = 90.0


def made(customers: int) -> dict[str, Any]:
    """Histories of customers who were acquired over 300 days of a year."""
    chance = np.random.default_rng(1)
    rate, stop = chance.gamma(0.6, 1 / 20, customers), chance.beta(0.9, 2, customers)
    age = 365.0 - chance.integers(0, 300, customers)
    frequency, recency = np.zeros(customers), np.zeros(customers)
    # Who is left after each purchase, and when the next one comes.
    left = np.arange(customers)
    due = chance.exponential(1 / rate)
    while True:
        inside = np.floor(due) <= age[left]
        left, due = left[inside], due[inside]
        if not len(left):
            break
        new = np.floor(due) > recency[left]
        frequency[left[new]] += 1
        recency[left[new]] = np.floor(due[new])
        stays = chance.random(len(left)) > stop[left]
        left, due = left[stays], due[stays]
        due = due + chance.exponential(1 / rate[left])
    return {
        "customer": np.arange(customers),
        "frequency": frequency,
        "recency": recency,
        "age": age,
        "mean_value": chance.gamma(4, 2.5 * chance.gamma(5, 1, customers)),
    }


def measured(name: str, work: Callable[[], Any]) -> Any:
    """Run something once and print how long it took, on the clock and on all cores together."""
    gc.collect()
    start, used = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    print(f"{name:42} {wall:9.2f} s wall {cpu:9.2f} s CPU", flush=True)
    return found


def with_safar(data: dict[str, Any]) -> None:
    """Fit, score, and the worth of all customers, without and with intervals."""
    model = measured("safar: fit of BG/NBD", lambda: BgNbd.fit(data))
    measured("safar: P(alive) and expected purchases", lambda: model.expected_purchases(data, HORIZON))
    measured("safar: lifetime_value, no intervals", lambda: safar.lifetime_value(data, draws=0))
    measured("safar: lifetime_value, 200 draws", lambda: safar.lifetime_value(data))
    print("  ", ", ".join(f"{value:.4f}" for value in model.estimates))


def with_lifetimes(data: dict[str, Any]) -> None:
    """The same by lifetimes, which has no worth in one call."""
    import pandas as pd
    from lifetimes import BetaGeoFitter

    frame = pd.DataFrame(data)
    columns = ["frequency", "recency", "age"]

    def fit() -> Any:
        groups = frame.groupby(columns, as_index=False).size()
        return BetaGeoFitter().fit(*(groups[name] for name in columns), weights=groups["size"])

    def score(fitter: Any) -> None:
        values = [frame[name] for name in columns]
        fitter.conditional_probability_alive(*values)
        fitter.conditional_expected_number_of_purchases_up_to_time(HORIZON, *values)

    fitter = measured("lifetimes: fit of BG/NBD", fit)
    measured("lifetimes: P(alive) and expected purchases", lambda: score(fitter))
    print("  ", ", ".join(f"{value:.4f}" for value in fitter.params_))


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", choices=SIZES, default="1M")
    data = made(SIZES[parser.parse_args().customers])
    print(f"{len(data['age']):,} customers")
    with_safar(data)
    try:
        import lifetimes  # noqa: F401
    except ImportError:
        print("lifetimes is not installed")
        return
    with_lifetimes(data)


if __name__ == "__main__":
    main()
