"""Vazirmatn, the typeface of Persian pages and charts (SIL Open Font License 1.1, OFL.txt beside the files)."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

__all__ = ["FAMILY", "FOLDER", "font_faces"]

FAMILY = "Vazirmatn"
FOLDER = Path(__file__).parent
_WEIGHTS = {"Regular": 400, "Bold": 700}


@cache
def font_faces() -> str:
    """Style rules that hold the typeface, so that a page needs no network to show it.

    Examples
    --------
    >>> font_faces().count("@font-face")
    2
    """
    rules = []
    for name, weight in _WEIGHTS.items():
        data = b64encode((FOLDER / f"{FAMILY}-{name}.woff2").read_bytes()).decode("ascii")
        rules.append(
            f"@font-face{{font-family:{FAMILY};font-weight:{weight};font-display:swap;"
            f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
        )
    return "\n".join(rules)
