"""A log explored by hand in a notebook: choices, their answer at once, and the code that gives it."""

from safar.explorer.choice import Choice
from safar.explorer.explorer import Explorer, explorer_of

__all__ = ["Choice", "Explorer", "explorer_of"]
