"""The shop as a live page: ``pip install panel``, then ``panel serve docs/examples/panel_app.py``."""

from __future__ import annotations

from typing import Any

import panel as pn

import safar

pn.extension("vega")

shop = safar.datasets.shop(4_000)
roles = {"customer": "customer_id", "time": "time", "score": "score", "kind": "kind"}
asked = ["nps_answer", "csat_answer", "ces_answer"]
log = shop.log().with_map(safar.JourneyMap.shop())
log = log.with_scores(shop.surveys, **roles, answer_events=asked)
picture = safar.journey_picture(log, kind="nps", by="persona")

personas = {"Everybody": ""} | {journey.segment: journey.segment for journey in picture.journeys[1:]}
persona = pn.widgets.Select(label="Persona", options=personas)
steps = pn.widgets.MultiChoice(
    label="Steps", options=list(log.events), value=["visit", "add_to_cart", "purchase"]
)


def part(chosen: str) -> safar.EventLog:
    """The customers of a persona, or everybody."""
    return log.filter(where=f"persona = '{chosen}'") if chosen else log


def funnel(chosen: str, names: list[str]) -> Any:
    """Who comes through these steps within a week?"""
    return (
        pn.pane.Vega(part(chosen).funnel(names, within="7d").plot()) if names else "Choose at least one step."
    )


def journey(chosen: str) -> Any:
    """The journey map with the scores of a persona."""
    return pn.pane.SVG(picture.to_svg(chosen or None), sizing_mode="stretch_width")


def scores(chosen: str) -> Any:
    """Would these customers recommend the shop?"""
    return pn.pane.Vega(safar.nps(part(chosen), by="channel", lookback="7d").plot())


page = pn.Row(
    pn.Column("# The shop", persona, steps, width=320),
    pn.Column(pn.bind(funnel, persona, steps), pn.bind(journey, persona), pn.bind(scores, persona)),
    sizing_mode="stretch_width",
)
page.servable(title="The shop")
