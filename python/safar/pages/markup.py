"""HTML and SVG elements with every piece of data escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from safar.language import Live, LiveText, recipes_of

__all__ = ["Markup", "element", "following", "name_markup", "scrolled", "svg_name", "written"]

# Elements of HTML that have no end.
_VOID = ("br", "hr", "img", "input", "wbr")
# First-strong isolate and its end: a name is laid out by its own first strong letter, whatever stands around it.
_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
# Letters that XML forbids: controls are shown by their pictures, what is no letter at all by the sign of replacement.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}
_LEGIBLE = _PICTURES | dict.fromkeys((*range(0xD800, 0xE000), 0xFFFE, 0xFFFF), 0xFFFD)


def written(value: object) -> Markup:
    r"""Write a value as text of a page: escaped, and without letters that pages and drawings may not hold.

    Parameters
    ----------
    value
        Anything; what is `Markup` already stays as it is.

    Returns
    -------
    Markup

    Examples
    --------
    >>> print(written("1 < 2\x00"))
    1 &lt; 2␀
    """
    return value if isinstance(value, Markup) else escape(str(value).translate(_LEGIBLE))


def element(tag: str, /, *children: str | None, **attributes: object) -> Markup:
    """Write one element; children and attribute values are escaped unless they are `Markup` already.

    Parameters
    ----------
    tag
        Name of the element.
    *children
        Text or `Markup`; None is left out.
    **attributes
        ``class_`` means ``class``; other underscores become hyphens; None is left out, True is a bare attribute.

    Returns
    -------
    Markup
        Text whose numbers have recipes stands in ``data-live`` once more with these, and that of an attribute in
        ``data-live-`` and its name.

    Examples
    --------
    >>> print(element("b", "1 < 2", class_="small"))
    <b class="small">1 &lt; 2</b>
    """
    said = []
    live = [child for child in children if child is not None and not isinstance(child, Markup)]
    if any(isinstance(child, LiveText) for child in live):
        attributes["data_live"] = "".join(recipes_of(child) for child in live)
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        said.append(f" {name}" if value is True else f' {name}="{written(_plain(value))}"')
        if isinstance(value, LiveText):
            said.append(f' data-live-{name}="{written(value.recipes)}"')
    inner = "".join(written(child) for child in children if child is not None)
    closed = "" if tag in _VOID else f"</{tag}>"
    return Markup(f"<{tag}{''.join(said)}>{inner}{closed}")


def scrolled(*children: str | None, label: str, class_: str = "wide") -> Markup:
    """What is scrolled sideways where there is little room, also with the keyboard.

    Parameters
    ----------
    *children
        Text or `Markup`; None is left out.
    label
        What it is, for readers who can't see it.
    class_
        As of HTML.
    """
    return element("div", *children, class_=class_, tabindex="0", role="group", aria_label=label)


def following(**numbers: object) -> dict[str, object]:
    """The attributes that say what size or colour of an element follow: the recipes of numbers, or of lists of them.

    Examples
    --------
    >>> print(element("td", "50", **following(heat=Live(0.5, "r:1,2"), area=12)))
    <td data-heat="r:1,2">50</td>
    """
    found: dict[str, object] = {}
    for name, number in numbers.items():
        several: list[object] = number if isinstance(number, list) else [number]
        recipes = [each.recipe for each in several if isinstance(each, Live)]
        if several and len(recipes) == len(several):
            found[f"data_{name}"] = " ".join(recipes)
    return found


def _plain(value: object) -> str:
    """Write a number without noise: two decimals at most, no trailing zeros."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
    return str(value)


def name_markup(name: object) -> Markup:
    """Show a name that came with the data: isolated, in its own direction, breakable after ``_`` and ``/``.

    Parameters
    ----------
    name
        The name.

    Returns
    -------
    Markup

    Examples
    --------
    >>> print(name_markup("cart_add"))
    <bdi>cart_<wbr>add</bdi>
    """
    text = str(written(str(name)))
    for mark in "_/":
        text = text.replace(mark, f"{mark}<wbr>")
    return Markup("<bdi>") + Markup(text) + Markup("</bdi>")


def svg_name(name: object, room: float | None = None, size: float = 12.0) -> str:
    r"""Prepare a name for an SVG text: isolated in its own direction and cut with an ellipsis where it can't fit.

    Parameters
    ----------
    name
        The name.
    room
        Width in pixels that the text may take; None never cuts.
    size
        Font size in pixels; a letter is taken as 0.56 of it.

    Returns
    -------
    str
        Plain text, not yet escaped.

    Examples
    --------
    >>> svg_name("consideration", room=40).strip("\u2068\u2069")
    'cons…'
    """
    text = str(name)
    if room is not None:
        letters = max(2, int(room / (0.56 * size)))
        if len(text) > letters:
            text = text[: letters - 1].rstrip() + "…"
    return f"{_ISOLATE}{text}{_POP_ISOLATE}"
