"""The choice of customers at the top of a page, and what its script reads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from safar.language import MISSING, Locale, recipes_of
from safar.pages.colours import STEPS
from safar.pages.cube import Cube, Dimension
from safar.pages.figures.journey import SCORE_SPAN
from safar.pages.journey_facts import FEW
from safar.pages.map_sections import STATUS
from safar.pages.markup import Markup, element

__all__ = ["Filters"]


class Filters:
    """The form, the sums and the script of a page.

    Parameters
    ----------
    cube
        The groups and sums; all sums of the page have been made.
    stages
        What the stages of the journey are called, by id; rows of one can be shown alone.
    kind
        The kind of score that colours follow.
    locale
        How readers are written to.
    """

    def __init__(self, cube: Cube, stages: Mapping[str, str], kind: str | None, locale: Locale) -> None:
        self.cube, self._stages, self._kind, self._locale = cube, stages, kind, locale

    @property
    def script(self) -> Markup:
        """The script, which needs nothing from elsewhere."""
        return Markup(
            Path(__file__).with_name("templates").joinpath("filters.js").read_text(encoding="utf-8")
        )

    @property
    def source(self) -> str:
        """What a content security policy calls this script, and no other."""
        digest = hashlib.sha256(self.script.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    def data(self) -> str:
        """The sums and how numbers are written: JSON, packed by gzip and written in base64."""
        locale = self._locale
        facts = {
            "signs": {sign: locale.signs(sign) for sign in "0123456789,.%-+<>" if locale.signs(sign) != sign},
            "large": locale.large,
            "missing": MISSING,
            "steps": STEPS,
            "few": FEW,
            "statuses": {status: locale.say(text) for status, text in STATUS.items()},
            "span": SCORE_SPAN.get(self._kind or "", 1.0),
        }
        written = json.dumps(facts | self.cube.sums(), separators=(",", ":"))
        return base64.b64encode(gzip.compress(written.encode(), mtime=0)).decode()

    def form(self) -> Markup:
        """The form; it is hidden where scripts don't run."""
        locale, customers = self._locale, self.cube.sum(len(self.cube.codes), self.cube.per_customer())
        fields = [self._field(place, dimension) for place, dimension in enumerate(self.cube.dimensions)]
        if self._stages:
            choices = [element("option", name, value=id) for id, name in self._stages.items()]
            every = element("option", locale.say("All"), value="")
            label = element("span", locale.say("Rows of the stage"))
            fields.append(element("label", label, element("select", every, *choices, name="stage")))
        said = locale.say(
            "{chosen} of {all} customers", chosen=locale.count(customers), all=str(locale.count(customers))
        )
        return element(
            "form",
            *fields,
            element("output", str(said), data_said=recipes_of(said)),
            element("button", locale.say("Show all"), type="reset"),
            class_="filters",
            aria_label=locale.say("Choice of customers"),
            autocomplete="off",
            hidden=True,
        )

    def _field(self, place: int, dimension: Dimension) -> Markup:
        """One choice; of what has an order, from one value to another."""
        field = {"data_dimension": place, "data_name": dimension.name}
        if not dimension.days:
            options = [element("option", name, value=number) for number, name in enumerate(dimension.choices)]
            every = element("option", self._locale.say("All"), value="")
            title = element("span", dimension.title)
            return element("label", title, element("select", every, *options), **field)
        last = len(dimension.days) - 1
        starts, ends = (
            [
                element(
                    "option", name, value=number, data_day=day.toordinal(), selected=number == chosen or None
                )
                for number, (name, day) in enumerate(zip(dimension.choices, dimension.days, strict=True))
            ]
            for chosen in (None, last)
        )
        from_, to = (self._locale.say(word) for word in ("from", "to"))
        return element(
            "fieldset",
            element("legend", dimension.title),
            element("label", element("span", from_), element("select", *starts)),
            element("label", element("span", to), element("select", *ends)),
            **field,
        )
