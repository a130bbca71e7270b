"""What the command says when it is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safar.cli.steps import Steps
    from safar.cli.target import Target
    from safar.log import EventLog
    from safar.pages import Page

__all__ = ["end", "summary", "tell_rejected"]


def summary(page: Page, log: EventLog) -> None:
    """Print what was read and the key figures."""
    locale = page.locale
    said = "{events} events of {customers} customers, {first} to {last} ({timezone}); {bad} of {rows} rows rejected"
    reasons = [
        f"{locale.say(reason.replace('_', ' '))} {locale.count(number)}"
        for reason, number in log.rejected.items()
        if number
    ]
    read = locale.say(
        said,
        events=locale.count(len(log)),
        customers=locale.count(log.customers),
        first=locale.day(log.first),
        last=locale.day(log.last),
        timezone=log.timezone,
        bad=locale.count(sum(log.rejected.values())),
        rows=locale.count(log.info["rows"]),
    )
    print(read + (f": {locale.say(', ').join(reasons)}" if reasons else ""))
    for tile in page.tiles:
        detail = "" if tile.detail is None else f"  {tile.detail}"
        print(f"  {tile.label:<16}{locale.value(tile.value, tile.unit):>12}{detail}")
    funnel = page.results["funnel"].to_dict()
    way = locale.say(" → ").join(
        f"{locale.name(name)} {locale.count(number)}"
        for name, number in zip(funnel["name"], funnel["customers"], strict=True)
    )
    print(f"  {locale.say('Funnel'):<16}{way}")


def tell_rejected(target: Target, log: EventLog) -> None:
    """Say which rows are not among the events, also to those who want to hear of faults alone."""
    bad = sum(log.rejected.values())
    if not bad:
        return
    reasons = ", ".join(
        f"{reason.replace('_', ' ')} {number:,}" for reason, number in log.rejected.items() if number
    )
    where = "" if target.folder is None else f"; they are in {target.folder / 'rejects.parquet'}"
    print(f"safar: {bad:,} of {log.info['rows']:,} rows were rejected ({reasons}){where}", file=sys.stderr)


def end(target: Target, page: Page, steps: Steps) -> None:
    """Print where the files are."""
    say, file = page.locale.say, target.page.resolve()
    print()
    if target.folder is not None:
        number, folder = page.locale.count(len(page.results)), target.folder.resolve()
        print(
            say(
                "{number} result tables (Parquet) and specs.json are in {folder}",
                number=number,
                folder=folder,
            )
        )
    print(say("Done in {time}. The page: {file}", time=page.locale.duration(steps.total), file=file))
    print(say("Open it in any browser: {address}", address=file.as_uri()))
