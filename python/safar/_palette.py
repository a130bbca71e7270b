"""The colours of charts and pages, on white and on dark paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["PALETTES", "Palette", "Theme"]

Theme: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """What each colour is for.

    Text keeps a contrast of 4.5 to what it stands on, marks keep 3 to the paper (WCAG 2.2); an area that is paler has
    an outline that does. Colours that tell kinds apart also do so in protanopia and deuteranopia.

    Attributes
    ----------
    paper : what everything stands on.
    ink, muted : text, and text that says less.
    grid, rule : lines of a grid; ticks, and outlines of pale areas.
    blue, steel : marks, and marks beside those.
    pale : the end of the ramp to `blue`, at nothing.
    grey : areas that are open or set apart.
    rest : marks of what is left over.
    alarm, lost : what asks for attention; what went away.
    kinds : colours that tell kinds apart.
    text_low, text_high : text on the ramp from `pale` to `blue`, where it begins and where it ends.
    turn : the share from which the text on the ramp is that of its end.
    """

    paper: str
    ink: str
    muted: str
    grid: str
    rule: str
    blue: str
    steel: str
    pale: str
    grey: str
    rest: str
    alarm: str
    lost: str
    kinds: tuple[str, ...]
    text_low: str
    text_high: str
    turn: float


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        paper="#ffffff",
        ink="#17212b",
        muted="#52606d",
        grid="#dfe5ea",
        rule="#8793a0",
        blue="#0b6e99",
        steel="#448fb1",
        pale="#eaf3f8",
        grey="#eef1f4",
        rest="#7b8794",
        alarm="#b3261e",
        lost="#c07a00",
        kinds=("#0b6e99", "#c07a00", "#3b2f5c", "#c0698a", "#235e55", "#906a38"),
        text_low="#000000",
        text_high="#ffffff",
        turn=0.885,
    ),
    "dark": Palette(
        paper="#14191f",
        ink="#e8edf2",
        muted="#a9b4bf",
        grid="#2c353e",
        rule="#6b7783",
        blue="#5ab3dc",
        steel="#3d8fb8",
        pale="#1d2f3a",
        grey="#262e36",
        rest="#8894a0",
        alarm="#ff8a80",
        lost="#f2a541",
        kinds=("#5ab3dc", "#f2a541", "#917ee3", "#f29ab5", "#4ec37d", "#e9e1c9"),
        text_low="#ffffff",
        text_high="#000000",
        turn=0.585,
    ),
}
