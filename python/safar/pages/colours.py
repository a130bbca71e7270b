"""The colours of a page: names that its style sheet gives a meaning, so that a drawing serves light and dark paper."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from safar._palette import PALETTES, Theme

__all__ = [
    "BAND",
    "BLUE",
    "CARD",
    "DROP",
    "GREY",
    "INK",
    "LINK",
    "LOW",
    "OPEN",
    "PALE",
    "STEEL",
    "STEPS",
    "THEMES",
    "PageTheme",
    "contrast",
    "mixed",
    "on",
    "paint",
    "resolved",
    "resolved_fills",
    "shade",
    "theme_style",
    "tint",
]

PageTheme: TypeAlias = Literal["light", "dark", "auto"]

# How many steps a scale of shades has beyond its first.
STEPS = 20

# Colours that only pages have, by theme.
_OWN: dict[Theme, dict[str, str]] = {
    "light": {
        "ground": "#f5f7fa",
        "good": "#1b6e2e",
        "band": "#bbd7e3",
        "link": "#d8e8ef",
        "drop": "#e8c4c8",
        "open": "#d5dae0",
        "amber": "#cf6d0a",
        "low": "#fbeaec",
        "outline": "#5b6b79",
        "stripe": "#b9c3cc",
        "notice": "#fff3dd",
        "on-notice": "#6b4300",
    },
    "dark": {
        "ground": "#0c1014",
        "good": "#6fcf8a",
        "band": "#2a5166",
        "link": "#22404f",
        "drop": "#6d3b42",
        "open": "#3d4751",
        "amber": "#f2a541",
        "low": "#33212a",
        "outline": "#93a1ae",
        "stripe": "#48535d",
        "notice": "#3b2d10",
        "on-notice": "#ffd58a",
    },
}
_NO_SCORE: dict[Theme, str] = {"light": "#c9d1d9", "dark": "#4a545e"}


def paint(name: str) -> str:
    """The colour of a name, as a drawing writes it.

    Examples
    --------
    >>> paint("blue")
    'var(--blue)'
    """
    return f"var(--{name})"


def on(name: str) -> str:
    """The colour of text that stands on a step of a scale.

    Examples
    --------
    >>> on(shade(1))
    'var(--on-ramp-20)'
    """
    return paint(f"on-{name}")


BLUE, STEEL, PALE, GREY, INK, CARD = map(paint, ("blue", "steel", "pale", "grey", "ink", "card"))
BAND, LINK, DROP, OPEN, LOW = map(paint, ("band", "link", "drop", "open", "low"))


def shade(share: float) -> str:
    """The step from pale to blue for a share; it is the class of a heat cell, too.

    Parameters
    ----------
    share
        0 is pale, 1 is blue; values outside are taken as the nearer of the two.

    Examples
    --------
    >>> shade(0), shade(0.49), shade(7)
    ('ramp-0', 'ramp-10', 'ramp-20')
    """
    return f"ramp-{int(min(1.0, max(0.0, share)) * STEPS + 0.5)}"


def tint(far: float | None) -> str:
    """The step from worse over even to better.

    Parameters
    ----------
    far
        −1 is worse, 0 even, 1 better; None is not known.

    Examples
    --------
    >>> tint(-1), tint(0.1), tint(None)
    ('score-0', 'score-11', 'score-none')
    """
    return "score-none" if far is None else shade((far + 1) / 2).replace("ramp", "score")


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mixed(position: float, start: str, end: str) -> str:
    """Mix two colours.

    Parameters
    ----------
    position
        0 gives `start`, 1 gives `end`.
    start, end
        Colours as ``#rrggbb``.

    Examples
    --------
    >>> mixed(0.5, "#000000", "#ffffff")
    '#808080'
    """
    pairs = zip(_channels(start), _channels(end), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * position):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    linear = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    )
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Give the contrast ratio of two colours as WCAG 2.2 defines it (1 to 21).

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"), 1)
    21.0
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _text_on(background: str) -> str:
    """White or black text, whichever reads better; one of them always reaches a ratio of 4.5."""
    return max("#ffffff", "#000000", key=lambda colour: contrast(colour, background))


def _scales(theme: Theme) -> dict[str, str]:
    """The steps of both scales, and what is not on them."""
    palette = PALETTES[theme]
    found = {"score-none": _NO_SCORE[theme]}
    for step in range(STEPS + 1):
        far = 2 * step / STEPS - 1
        found[f"ramp-{step}"] = mixed(step / STEPS, palette.pale, palette.blue)
        found[f"score-{step}"] = mixed(abs(far), palette.grey, palette.blue if far > 0 else palette.alarm)
    return found


def _colours(theme: Theme) -> dict[str, str]:
    """Every colour of a theme by its name."""
    palette, scales = PALETTES[theme], _scales(theme)
    found = {
        "card": palette.paper,
        "ink": palette.ink,
        "muted": palette.muted,
        "edge": palette.grid,
        "rule": palette.rule,
        "blue": palette.blue,
        "steel": palette.steel,
        "pale": palette.pale,
        "grey": palette.grey,
        "bad": palette.alarm,
    }
    texts = {f"on-{name}": _text_on(colour) for name, colour in {"blue": palette.blue, **scales}.items()}
    return found | _OWN[theme] | scales | texts


THEMES: dict[Theme, dict[str, str]] = {theme: _colours(theme) for theme in PALETTES}


def theme_style(theme: PageTheme) -> str:
    """The rules that give the names of colours their meaning; paper that is printed is always light.

    Parameters
    ----------
    theme
        ``"light"``, ``"dark"``, or ``"auto"`` for that of the reader's system.

    Returns
    -------
    str
    """
    meanings: dict[Theme, str] = {
        each: f":root{{color-scheme:{each};{';'.join(f'--{name}:{colour}' for name, colour in colours.items())}}}"
        for each, colours in THEMES.items()
    }
    rules = [meanings["light"]]
    if theme != "light":
        wanted = "screen and (prefers-color-scheme:dark)" if theme == "auto" else "screen"
        rules.append(f"@media {wanted}{{{meanings['dark']}}}")
    rules += [f".{name}{{background:{paint(name)};color:{on(name)}}}" for name in _scales("light")]
    return "\n".join(rules) + "\n"


def resolved(rules: str, theme: Theme) -> str:
    """Write colours in place of their names, for programs that know no custom properties.

    Examples
    --------
    >>> resolved("fill: var(--blue)", "light")
    'fill: #0b6e99'
    """
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: THEMES[theme][found[1]], rules)


def resolved_fills(drawing: str, theme: Theme) -> str:
    """Do the same with what shapes of a drawing are filled with; its texts stay as they are.

    Examples
    --------
    >>> resolved_fills('<text fill="var(--blue)">var(--blue)</text>', "light")
    '<text fill="#0b6e99">var(--blue)</text>'
    """
    return re.sub(r'(?<= fill=)"var\(--[a-z0-9-]+\)"', lambda found: resolved(found[0], theme), drawing)
