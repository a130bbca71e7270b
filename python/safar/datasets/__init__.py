"""Demo data with known truths: `shop` makes up a year of an omnichannel retailer.

Examples
--------
>>> from safar.datasets import shop
>>> data = shop(500, seed=3)
>>> data.orders.columns[:5]
['order_id', 'customer_id', 'time', 'channel', 'campaign']
"""

from safar.datasets.retailer import Shop, shop
from safar.datasets.truths import Truth

__all__ = ["Shop", "Truth", "shop"]
