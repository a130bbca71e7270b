"""Numbers that know which sums they are made of, so that a page can make them anew for some of the customers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

__all__ = ["Live", "LiveText", "filled", "joined", "of_all", "recipes_of", "written"]

P = ParamSpec("P")

# Around a number within a text: signs that no text has (Unicode's private use).
_OPEN, _CLOSE = "\ue000", "\ue001"
# Such signs in names, where typefaces of icons have pictures, are none of ours.
_STRANGE = str.maketrans({_OPEN: "\ufffd", _CLOSE: "\ufffd"})


class Live(float):
    """A number with its recipe.

    Parameters
    ----------
    value
        The number as it is of all customers.
    recipe
        How it is made of sums: a function and its arguments, such as ``"r:3,4"`` for the third sum over the fourth; an
        argument may add sums up (``"3+5"``), and ``"*100"`` at the end multiplies.

    Examples
    --------
    >>> half = Live(0.5, "r:3,4")
    >>> half + 1, half.recipe, Live(7, "n:3")
    (1.5, 'r:3,4', 7)
    """

    recipe: str

    def __new__(cls, value: float, recipe: str) -> Live:
        """Take the number and its recipe."""
        made = super().__new__(cls, value)
        made.recipe = recipe
        return made

    @property
    def sum(self) -> str:
        """The sums that this number is, without a function."""
        name, arguments = self.recipe.split(":")
        assert name == "n", f"{self.recipe} is no sum"
        return arguments

    def __repr__(self) -> str:
        return repr(int(self)) if self.is_integer() and self.recipe.startswith("n:") else super().__repr__()

    # A number is looked up by what it is.
    __hash__ = float.__hash__


class LiveText(str):
    """A text with the recipes of the numbers within it.

    Parameters
    ----------
    text
        The text as it is of all customers.
    recipes
        The same text, with form and recipe in place of each number.

    Examples
    --------
    >>> from safar.language import ENGLISH
    >>> text = ENGLISH.count(Live(12, "n:3"))
    >>> ("about " + text + " of us", (text + "!").recipes == text.recipes + "!")
    ('about 12 of us', True)
    """

    recipes: str

    def __new__(cls, text: str, recipes: str) -> LiveText:
        """Take the text and its recipes."""
        made = super().__new__(cls, text)
        made.recipes = recipes
        return made

    def __add__(self, other: str) -> LiveText:
        return LiveText(str.__add__(self, other), self.recipes + recipes_of(other))

    def __radd__(self, other: str) -> LiveText:
        return LiveText(str.__add__(other, self), recipes_of(other) + self.recipes)


def written(form: str) -> Callable[[Callable[P, str]], Callable[P, str]]:
    """Let a way of writing numbers keep their recipes.

    Parameters
    ----------
    form
        The name under which the page knows this way; further arguments of a call follow it.
    """

    def keep(write: Callable[P, str]) -> Callable[P, str]:
        @wraps(write)
        def kept(*arguments: P.args, **further: P.kwargs) -> str:
            text = write(*arguments, **further)
            _, value, *details = tuple(arguments) + tuple(further.values())
            if not isinstance(value, Live):
                return text
            name = " ".join([form, *(str(detail) for detail in details)])
            return LiveText(str(text), f"{_OPEN}{name};{value.recipe}{_CLOSE}")

        return kept

    return keep


def of_all(text: str, beside: object) -> str:
    """A text that is said of all customers alone: beside a number that follows a choice it vanishes with the choice.

    Examples
    --------
    >>> joined("; ", ["12", of_all("p = 0.03", Live(12, "n:3"))]).recipes
    '12'
    """
    return LiveText(text, "") if isinstance(beside, Live) else text


def filled(text: str, values: dict[str, Any]) -> str:
    """Put values into the places of a text; it has recipes if any of them has."""
    written = text.format(**values)
    if not any(isinstance(value, LiveText) for value in values.values()):
        return written
    return LiveText(written, text.format(**{name: recipes_of(value) for name, value in values.items()}))


def joined(mark: str, texts: list[str]) -> str:
    """Join texts; the whole has recipes if any of them has."""
    written = mark.join(texts)
    if not any(isinstance(text, LiveText) for text in texts):
        return written
    return LiveText(written, mark.join(filter(None, map(recipes_of, texts))))


def recipes_of(text: object) -> str:
    """The recipes of a text; one that has none is its own."""
    return text.recipes if isinstance(text, LiveText) else str(text).translate(_STRANGE)
