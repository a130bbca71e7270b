"""`safar demo`: a shop that is made up, and what the analyses find of what is planted in it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from safar.cli.steps import Steps
from safar.cli.summary import end, summary
from safar.cli.target import Target

if TYPE_CHECKING:
    from safar.datasets import Shop
    from safar.log import EventLog

__all__ = ["FOLDER", "demo"]

FOLDER = Path("safar-demo")
# What customers do by themselves in the demo shop: e-mails and deliveries come to those who have long gone.
_SHOP_ACTIVE = ("visit", "store_visit")


def demo(options: argparse.Namespace) -> None:
    """Make up a shop, analyse it and write a page."""
    from safar.datasets import shop
    from safar.findings import findings
    from safar.journey_map import JourneyMap
    from safar.language import Locale
    from safar.pages import dashboard

    target, steps = Target.of(options, FOLDER), Steps(options)
    with steps.watched():
        data = steps.run("demo data", lambda: shop(options.customers, seed=options.seed))
        log = steps.run("event log", lambda: data.log().with_map(JourneyMap.shop()))
        log = steps.run("surveys", lambda: _shop_surveys(data, log))
        page = dashboard(
            log,
            title={each: Locale(each).say("Demo shop: customer journey") for each in options.language},
            conversion="purchase",
            personas="persona",
            active=[name for name in _SHOP_ACTIVE if name in log.events] or None,
            language=options.language,
            theme=options.theme,
            progress=steps.tell,
        )
        found = steps.run("planted truths", lambda: findings(data, log))
        steps.run("files", lambda: target.write(page, log))
    if options.quiet:
        return
    summary(page, log)
    locale = Locale(options.language[0])
    print(f"\n{locale.say('Planted in the data, and what the analyses see:')}")
    for line in found:
        print(f"  {locale.say(line)}")
    end(target, page, steps)


def _shop_surveys(data: Shop, log: EventLog) -> EventLog:
    return log.with_scores(
        data.surveys,
        customer="customer_id",
        time="time",
        score="score",
        kind="kind",
        answer_events=["nps_answer", "csat_answer", "ces_answer"],
    )
