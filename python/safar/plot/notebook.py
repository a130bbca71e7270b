"""Charts in notebooks without a network: drawn by the Vega-Lite that JupyterLab brings."""

from __future__ import annotations

from typing import Any

__all__ = ["bundle_of", "offline"]

# JupyterLab 4 and Notebook 7 draw Vega-Lite up to version 5, which knows all that these charts use.
_MIME = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_NAME = "safar"


def offline() -> None:
    """Show charts in JupyterLab and Notebook 7 without loading anything from the network.

    By default, Altair shows a chart as HTML that loads Vega from the network, and without one nothing is drawn. After
    this call, every Altair chart of the session is drawn by what JupyterLab has with it.

    Notes
    -----
    It enables the renderer ``"safar"`` of Altair; ``altair.renderers.enable("default")`` goes back. A renderer that
    was chosen before, such as ``"png"``, stays. Other places for notebooks may not know the form
    (``application/vnd.vegalite.v5+json``).

    Examples
    --------
    >>> import altair
    >>> import safar
    >>> safar.plot.offline()
    >>> altair.renderers.active
    'safar'
    >>> _ = altair.renderers.enable("default")
    """
    import altair as alt

    alt.renderers.register(_NAME, bundle_of)
    if alt.renderers.active == "default":
        alt.renderers.enable(_NAME)


def bundle_of(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A chart, given as its JSON, in the form that JupyterLab draws by itself."""
    return {_MIME: spec | {"$schema": _SCHEMA}, "text/plain": "<chart>"}
