"""Measure what a change in the explorer takes: of steps, window, segments, analysis and cohort.

    python benches/explorer.py --rows 10M --rounds 5

The log is the demo shop. Of each change the medians are printed, in milliseconds: of the whole, as the widgets wait for
it, and of its parts: the answer of the log, the chart, and the chart as JSON, with Altair's checks of it, which the
explorer leaves out, and without. A cohort is another log, so its first answer makes one; every other change keeps the
log of the cohort.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import safar
from peers import row_count

EVENTS_OF_A_CUSTOMER = 32.5
FUNNEL = ["view_product", "add_to_cart", "checkout", "purchase"]
FROM, BEFORE = dt.date(2025, 9, 1), dt.date(2025, 12, 1)
# name: what is chosen before, and the change
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "funnel: another step": ({"steps": FUNNEL[:2]}, {"steps": FUNNEL}),
    "funnel: another window": ({"within": "30d"}, {"within": "1d"}),
    "funnel: segments": ({"by": None}, {"by": "channel"}),
    "retention, months": ({}, {"analysis": "retention", "start": "visit", "goal": "purchase"}),
    "retention, weeks": ({"analysis": "retention"}, {"period": "week"}),
    "retention, months: segments": ({"analysis": "retention", "by": None}, {"by": "channel"}),
    "time to convert": ({}, {"analysis": "conversion", "start": "visit", "goal": "purchase"}),
    "time to convert: no window": ({"analysis": "conversion"}, {"within": None}),
    "time to convert: segments": ({"analysis": "conversion", "by": None}, {"by": "device"}),
    "next events": ({}, {"analysis": "transitions"}),
    "next events: segments": ({"analysis": "transitions", "by": None}, {"by": "channel"}),
    "cohort: first event in three months": ({}, {"first_from": FROM, "first_before": BEFORE}),
    "cohort: a persona": ({}, {"column": "persona", "value": "gift_givers"}),
    "inside a cohort: another window": (
        {"column": "persona", "value": "gift_givers", "within": "30d"},
        {"within": "1d"},
    ),
}


def milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    done = work()
    return 1000 * (time.perf_counter() - began), done


def measured(explorer: safar.Explorer, change: dict[str, Any]) -> list[float]:
    whole, _ = milliseconds(lambda: explorer.choose(**change))
    assert explorer.problem is None, explorer.problem
    span = explorer.log.observed_until - explorer.log.first
    cohort = explorer.log
    for condition in explorer.choice.cohort(cohort.timezone):
        cohort = condition.of(cohort)
    answer, result = milliseconds(lambda: explorer.choice.question(span).of(cohort))
    drawing, chart = milliseconds(result.plot)
    checked, _ = milliseconds(chart.to_dict)
    written, _ = milliseconds(lambda: chart.to_dict(validate=False))
    return [whole, answer, drawing, checked, written]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=row_count, default=row_count("10M"), help="events, such as 10M")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    log = safar.datasets.shop(int(options.rows / EVENTS_OF_A_CUSTOMER)).log()
    print(log, flush=True)
    opening, explorer = milliseconds(lambda: log.explore(FUNNEL, within="7d"))
    widgets, _ = milliseconds(lambda: explorer.widget)
    first = explorer.choice
    print(f"the first answer {opening:.0f} ms, the widgets {widgets:.0f} ms\n")
    print(f"{'change':38}{'whole':>8}{'answer':>8}{'chart':>8}{'checked':>9}{'JSON':>8}")
    for name, (before, change) in CHANGES.items():
        rounds = []
        for _ in range(options.rounds):
            explorer.choice = first
            explorer.choose(**before)
            rounds.append(measured(explorer, change))
        whole, answer, drawing, checked, written = map(median, zip(*rounds, strict=True))
        print(f"{name:38}{whole:8.0f}{answer:8.0f}{drawing:8.0f}{checked:9.0f}{written:8.0f}", flush=True)


if __name__ == "__main__":
    main()
