"""The kinds of people who shop here: the planted truth behind their behaviour."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from safar._typing import Floats

QUICK_TRYER = "quick_tryers"
GIFT_GIVER = "gift_givers"


@dataclass(frozen=True)
class Persona:
    """What is typical of one kind of customer; shares and probabilities lie in 0..1.

    Attributes
    ----------
    share : of all people.
    existing : share that was registered before the year began.
    visits, store_visits : a month, while active.
    one_time : share of newcomers who leave after a day or two.
    lifetime : mean days of activity of the others.
    cart : probability that a visit with product views fills a cart.
    registers : probability a visit that a stranger registers.
    mobile : share of web visits on a phone.
    app : share that uses the app.
    calls : share of support questions that go to the call centre.
    spend : factor on order value.
    discount : how strongly prices decide.
    contentment : points added to every NPS answer.
    birth_year, innovation, family, status : means of the demographic and psychographic columns.
    """

    name: str
    share: float
    existing: float
    visits: float
    store_visits: float
    one_time: float
    lifetime: float
    cart: float
    registers: float
    mobile: float
    app: float
    calls: float
    spend: float
    discount: float
    contentment: float
    birth_year: float
    innovation: float
    family: float
    status: float


PERSONAS = (
    Persona(
        "family_planners",
        share=0.20, existing=0.55, visits=0.95, store_visits=0.14, one_time=0.22, lifetime=420, cart=0.34,
        registers=0.22, mobile=0.62, app=0.45, calls=0.45, spend=1.15, discount=0.50, contentment=0.3,
        birth_year=1984, innovation=0.42, family=0.80, status=0.40,
    ),
    Persona(
        "bargain_hunters",
        share=0.24, existing=0.45, visits=1.30, store_visits=0.06, one_time=0.32, lifetime=320, cart=0.26,
        registers=0.16, mobile=0.72, app=0.35, calls=0.35, spend=0.70, discount=0.90, contentment=-0.2,
        birth_year=1988, innovation=0.45, family=0.50, status=0.30,
    ),
    Persona(
        "trend_seekers",
        share=0.17, existing=0.40, visits=1.25, store_visits=0.05, one_time=0.28, lifetime=330, cart=0.31,
        registers=0.22, mobile=0.80, app=0.60, calls=0.20, spend=1.10, discount=0.40, contentment=0.1,
        birth_year=1996, innovation=0.80, family=0.30, status=0.70,
    ),
    Persona(
        GIFT_GIVER,
        share=0.12, existing=0.45, visits=0.75, store_visits=0.12, one_time=0.30, lifetime=450, cart=0.36,
        registers=0.16, mobile=0.65, app=0.25, calls=0.40, spend=1.30, discount=0.35, contentment=0.2,
        birth_year=1982, innovation=0.45, family=0.65, status=0.60,
    ),
    Persona(
        QUICK_TRYER,
        share=0.13, existing=0.0, visits=3.60, store_visits=0.03, one_time=0.12, lifetime=50, cart=0.27,
        registers=0.42, mobile=0.78, app=0.50, calls=0.30, spend=0.90, discount=0.60, contentment=-0.1,
        birth_year=1993, innovation=0.75, family=0.35, status=0.50,
    ),
    Persona(
        "store_regulars",
        share=0.14, existing=0.60, visits=0.30, store_visits=0.55, one_time=0.18, lifetime=480, cart=0.25,
        registers=0.10, mobile=0.50, app=0.10, calls=0.70, spend=1.05, discount=0.45, contentment=0.4,
        birth_year=1974, innovation=0.25, family=0.65, status=0.35,
    ),
)  # fmt: skip

NAMES = tuple(persona.name for persona in PERSONAS)

# Each numeric attribute as one array, indexed by the persona's code.
TRAIT: dict[str, Floats] = {
    field.name: np.array([getattr(persona, field.name) for persona in PERSONAS], dtype=np.float64)
    for field in fields(Persona)
    if field.name != "name"
}
