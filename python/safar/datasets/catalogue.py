"""What the shop sells: eight categories, 75 products each, with the prices and popularity of a long tail."""

from __future__ import annotations

import numpy as np

from safar._typing import Array, Floats, Integers

CATEGORIES = ("digital", "fashion", "home", "beauty", "grocery", "books", "toys", "sports")
# Share of the visits, median price (toman), spread of prices, share of orders returned, usual items an order.
_SHARE = np.array([0.24, 0.20, 0.14, 0.12, 0.11, 0.07, 0.06, 0.06])
_MEDIAN = np.array([4_200_000, 950_000, 1_400_000, 420_000, 310_000, 190_000, 560_000, 880_000])
_SPREAD = np.array([0.95, 0.55, 0.80, 0.55, 0.50, 0.40, 0.60, 0.65])
RETURNED = np.array([0.06, 0.15, 0.06, 0.04, 0.01, 0.02, 0.05, 0.07])
_ITEMS = np.array([0.15, 0.7, 0.5, 0.9, 3.2, 1.3, 0.5, 0.4])

PRODUCTS_EACH = 75
PRODUCTS = tuple(f"{category}-{rank:02d}" for category in CATEGORIES for rank in range(1, PRODUCTS_EACH + 1))

_CATEGORY_EDGES = np.cumsum(_SHARE) / _SHARE.sum()
_RANK_WEIGHT = 1.0 / np.arange(1, PRODUCTS_EACH + 1) ** 1.05
_RANK_EDGES = np.cumsum(_RANK_WEIGHT) / _RANK_WEIGHT.sum()

# The prices belong to the shop, not to a run: the same whatever the seed.
_PRICES = np.exp(
    np.random.Generator(np.random.PCG64(1404)).standard_normal((len(CATEGORIES), PRODUCTS_EACH))
    * _SPREAD[:, None]
    + np.log(_MEDIAN)[:, None]
).ravel()


def categories(random: np.random.Generator, count: int) -> Array:
    """Random category codes by popularity."""
    return np.searchsorted(_CATEGORY_EDGES, random.random(count), side="right").astype(np.int8)


def products(random: np.random.Generator, category: Array) -> Array:
    """A random product of each category, by a Zipf law."""
    rank = np.searchsorted(_RANK_EDGES, random.random(len(category)), side="right")
    return (category.astype(np.int16) * PRODUCTS_EACH + rank).astype(np.int16)


def baskets(
    random: np.random.Generator, product: Array, spend: Floats, discount: Floats
) -> tuple[Integers, Floats]:
    """Items and value of an order: value in toman, after the discount, rounded to a thousand."""
    items = 1 + random.poisson(_ITEMS[product // PRODUCTS_EACH])
    # The other items of a basket are cheaper than the one it was opened for.
    price = _PRICES[product] * (1.0 + 0.55 * (items - 1))
    noise = np.exp(random.standard_normal(len(product)) * 0.18)
    value = np.rint(price * spend * noise * (1.0 - discount) / 1_000.0) * 1_000.0
    return items.astype(np.int64), np.maximum(value, 20_000.0)
