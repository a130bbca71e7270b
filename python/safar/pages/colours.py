"""The palette of the page: one blue, told apart by lightness, with text that keeps its contrast on every step."""

from __future__ import annotations

__all__ = ["AMBER", "BAND", "BLUE", "DROP", "OPEN", "PALE", "STEEL", "contrast", "heat", "ramp", "text_on"]

BLUE = "#0b6e99"
STEEL = "#448fb1"
BAND = "#bbd7e3"
PALE = "#eaf3f8"
DROP = "#e8c4c8"
OPEN = "#d5dae0"
AMBER = "#e8821a"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def ramp(position: float, start: str = PALE, end: str = BLUE) -> str:
    """Mix two colours.

    Parameters
    ----------
    position
        0 gives `start`, 1 gives `end`; values outside are taken as the nearer of the two.
    start, end
        Colours as ``#rrggbb``.

    Examples
    --------
    >>> ramp(0), ramp(1), ramp(0.5, "#000000", "#ffffff")
    ('#eaf3f8', '#0b6e99', '#808080')
    """
    position = min(1.0, max(0.0, position))
    mixed = (a + (b - a) * position for a, b in zip(_channels(start), _channels(end), strict=True))
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


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


def text_on(background: str) -> str:
    """Choose white or black text, whichever reads better; one of them always reaches a ratio of 4.5.

    Examples
    --------
    >>> text_on("#0b6e99"), text_on("#eaf3f8")
    ('#ffffff', '#000000')
    """
    return max("#ffffff", "#000000", key=lambda colour: contrast(colour, background))


def heat(share: float) -> tuple[str, str]:
    """Give background and text colour of a heat cell for a share between 0 and 1.

    Examples
    --------
    >>> heat(1.0)
    ('#0b6e99', '#ffffff')
    """
    background = ramp(share)
    return background, text_on(background)
