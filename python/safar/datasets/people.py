"""Who the customers are: demography, habits and the span of days in which each of them is active."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.datasets import personas
from safar.datasets.rhythm import DAY_MS, ONLINE, YEAR_MS

GENDERS = ("female", "male")
INCOME_BANDS = ("low", "lower_middle", "middle", "upper_middle", "high")
_INCOME_SHARES = (0.16, 0.27, 0.32, 0.17, 0.08)
INCOME_SPEND = np.array([0.62, 0.82, 1.0, 1.35, 2.1])

# City, province and share of the customers: sizes of the cities, tilted towards where online shopping is common.
_CITIES = (
    ("تهران", "تهران", 31.0), ("مشهد", "خراسان رضوی", 8.6), ("اصفهان", "اصفهان", 6.4), ("کرج", "البرز", 5.8),
    ("شیراز", "فارس", 5.2), ("تبریز", "آذربایجان شرقی", 4.6), ("قم", "قم", 3.2), ("اهواز", "خوزستان", 3.3),
    ("کرمانشاه", "کرمانشاه", 2.2), ("رشت", "گیلان", 2.6), ("ارومیه", "آذربایجان غربی", 1.9),
    ("یزد", "یزد", 2.0), ("همدان", "همدان", 1.6), ("اراک", "مرکزی", 1.6), ("ساری", "مازندران", 1.7),
    ("قزوین", "قزوین", 1.5), ("کرمان", "کرمان", 1.6), ("بندرعباس", "هرمزگان", 1.5), ("اردبیل", "اردبیل", 1.3),
    ("گرگان", "گلستان", 1.2), ("زنجان", "زنجان", 1.1), ("سنندج", "کردستان", 1.1), ("خرم‌آباد", "لرستان", 0.9),
    ("زاهدان", "سیستان و بلوچستان", 1.0), ("بوشهر", "بوشهر", 0.9), ("بابل", "مازندران", 1.0),
    ("کاشان", "اصفهان", 0.9), ("دزفول", "خوزستان", 0.7), ("سمنان", "سمنان", 0.6), ("شهرکرد", "چهارمحال و بختیاری", 0.6),
    ("بجنورد", "خراسان شمالی", 0.5), ("بیرجند", "خراسان جنوبی", 0.5), ("ایلام", "ایلام", 0.5),
    ("یاسوج", "کهگیلویه و بویراحمد", 0.4),
)  # fmt: skip
CITIES = tuple(city for city, _, _ in _CITIES)
PROVINCES = tuple(sorted({province for _, province, _ in _CITIES}))
PROVINCE_OF_CITY = np.array([PROVINCES.index(province) for _, province, _ in _CITIES], dtype=np.int32)

# The share of people who find the shop through the giveaway campaign, and of those how many stay.
GIVEAWAY_SHARE = 0.09
GIVEAWAY_STAYS = 0.12


@dataclass(frozen=True)
class People:
    """One entry a person; `first` and `last` bound the activity in milliseconds of the year."""

    persona: Array
    existing: Array
    giveaway: Array
    first: Integers
    last: Integers
    pace: Floats
    propensity: Floats
    contentment: Floats
    uses_app: Array
    mobile: Floats
    persian: Array
    income: Array
    email_consent: Array
    profile: dict[str, Array]

    def __len__(self) -> int:
        return len(self.persona)

    def trait(self, name: str, who: Array | slice = slice(None)) -> Floats:
        """A trait of the personas of some people."""
        return personas.TRAIT[name][self.persona[who]]


def pick(random: np.random.Generator, shares: Array | tuple[float, ...], count: int) -> Array:
    """Random codes with the given shares."""
    edges = np.cumsum(shares)
    return np.searchsorted(edges / edges[-1], random.random(count), side="right").astype(np.int8)


def populate(
    random: np.random.Generator, count: int, giveaway: tuple[int, int], incidents: bool = True
) -> People:
    """Draw `count` people; `giveaway` is the span in which that campaign brings its share of them, if it happens."""
    persona = pick(random, personas.TRAIT["share"], count)
    trait = {name: values[persona] for name, values in personas.TRAIT.items()}
    existing = random.random(count) < trait["existing"]
    from_giveaway = ~existing & (random.random(count) < GIVEAWAY_SHARE / 0.6) & incidents
    first, last = _activity(random, trait, existing, from_giveaway, giveaway)
    income = pick(random, _INCOME_SHARES, count)
    return People(
        persona=persona,
        existing=existing,
        giveaway=from_giveaway,
        first=first,
        last=last,
        pace=np.exp(random.standard_normal(count) * 0.9 - 0.405),
        propensity=np.exp(random.standard_normal(count) * 0.45 - 0.1),
        contentment=random.standard_normal(count) * 0.9 + trait["contentment"],
        uses_app=random.random(count) < trait["app"],
        mobile=np.clip(trait["mobile"] + random.standard_normal(count) * 0.25, 0.02, 0.98),
        persian=random.random(count) < 0.6,
        income=income,
        email_consent=random.random(count) < 0.62,
        profile=_profile(random, trait),
    )


def _activity(
    random: np.random.Generator,
    trait: dict[str, Floats],
    existing: Array,
    from_giveaway: Array,
    giveaway: tuple[int, int],
) -> tuple[Integers, Integers]:
    count = len(existing)
    year = np.zeros(count, dtype=np.int64)
    arrival = ONLINE.between(random, year, year + YEAR_MS)
    campaign = ONLINE.between(random, year + giveaway[0], year + giveaway[1])
    first = np.where(existing, 0, np.where(from_giveaway, campaign, arrival))
    days = random.standard_exponential(count) * trait["lifetime"]
    # Quick tryers all stop in a narrow band: after the second month of their own clock.
    loyal = random.random(count) < 0.04
    quick = (trait["lifetime"] < 60) & ~loyal
    days = np.where(quick, 40.0 + 20.0 * random.random(count), np.where(loyal, 400.0, days))
    leaves = ~existing & (random.random(count) < trait["one_time"])
    leaves |= from_giveaway & (random.random(count) > GIVEAWAY_STAYS)
    days = np.where(leaves, 0.2 + 1.5 * random.random(count), days)
    last = np.minimum(first + (days * DAY_MS).astype(np.int64), YEAR_MS)
    return first, last


def _profile(random: np.random.Generator, trait: dict[str, Floats]) -> dict[str, Array]:
    count = len(trait["share"])
    scores = {
        "price_sensitivity": trait["discount"],
        "innovation_seeking": trait["innovation"],
        "family_orientation": trait["family"],
        "status_seeking": trait["status"],
    }
    profile: dict[str, Array] = {
        "birth_year": np.clip(
            np.rint(trait["birth_year"] + random.standard_normal(count) * 8), 1945, 2008
        ).astype(np.int64),
        "gender": (random.random(count) < 0.47).astype(np.int8),
        "city": pick(random, tuple(share for _, _, share in _CITIES), count),
        "sms_consent": random.random(count) < 0.71,
        "days_before": np.ceil(900 * random.random(count) ** 1.6).astype(np.int64),
    }
    for name, mean in scores.items():
        profile[name] = np.round(np.clip(mean + random.standard_normal(count) * 0.14, 0.0, 1.0), 2)
    return profile
