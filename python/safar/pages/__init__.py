"""Results on one HTML page that needs no network.

Examples
--------
>>> import safar
>>> log = safar.EventLog(
...     {
...         "user": ["ann", "ann", "bob"],
...         "at": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
...         "what": ["view", "purchase", "view"],
...     },
...     customer="user",
...     time="at",
...     event="what",
... )
>>> page = Page("Spring", sections=[log.funnel(["view", "purchase"]), log.retention()])
>>> page
Page('Spring', 0 tiles, 2 sections)
"""

from safar.pages.build import dashboard
from safar.pages.document import Page
from safar.pages.picture import JourneyPicture, journey_picture
from safar.pages.sections import Section
from safar.pages.series import Series
from safar.pages.tiles import Tile
from safar.pages.work import Progress

__all__ = [
    "JourneyPicture",
    "Page",
    "Progress",
    "Section",
    "Series",
    "Tile",
    "dashboard",
    "journey_picture",
]
