"""The main route through the transitions of a log."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["Edge", "main_path", "widest_path"]

# From, to, customers.
Edge = tuple[str, str, int]

_START, _VIRTUAL = "(start)", ("(start)", "(end)", "(open)")
_HEAVIEST = 2000
_STEPS = 6
_LEAST = 0.05


def _first_event(edges: Sequence[Edge]) -> tuple[str, int] | None:
    """Find the event that most customers begin with."""
    starts = [(customers, target) for source, target, customers in edges if source == _START]
    starts = [(customers, target) for customers, target in starts if target not in _VIRTUAL]
    if not starts:
        return None
    customers, name = min(starts, key=lambda start: (-start[0], start[1]))
    return name, customers


def _real(edges: Sequence[Edge]) -> list[Edge]:
    """Keep the heaviest edges between two different real events, in a fixed order."""
    real = [
        edge for edge in edges if edge[0] not in _VIRTUAL and edge[1] not in _VIRTUAL and edge[0] != edge[1]
    ]
    return sorted(real, key=lambda edge: (-edge[2], edge[0], edge[1]))[:_HEAVIEST]


def main_path(edges: Sequence[Edge]) -> list[str]:
    """Follow the edge that most customers took, from the commonest first event, without repeats.

    Parameters
    ----------
    edges
        From, to and customers of each transition.

    Returns
    -------
    list of str
        At most six events; it ends where fewer than 5 % of the starting customers go on along one edge.

    Examples
    --------
    >>> main_path(
    ...     [
    ...         ("(start)", "view", 9),
    ...         ("view", "cart", 5),
    ...         ("view", "search", 2),
    ...         ("cart", "view", 4),
    ...     ]
    ... )
    ['view', 'cart']
    """
    first = _first_event(edges)
    if first is None:
        return []
    path, least = [first[0]], _LEAST * first[1]
    onward: dict[str, list[Edge]] = {}
    for edge in _real(edges):
        onward.setdefault(edge[0], []).append(edge)
    while len(path) < _STEPS:
        following = next((edge for edge in onward.get(path[-1], ()) if edge[1] not in path), None)
        if following is None or following[2] < least:
            break
        path.append(following[1])
    return path


def widest_path(edges: Sequence[Edge], targets: Collection[str]) -> list[str]:
    """Find the route from the commonest first event to a target whose narrowest link the most customers took.

    Parameters
    ----------
    edges
        From, to and customers of each transition.
    targets
        Events where the route may end.

    Returns
    -------
    list of str
        At most six events, the fewest where routes are equally wide; empty where no route leads there, only the
        target where journeys begin with it.

    Notes
    -----
    The maximum-bottleneck path, by dynamic programming over the number of links.

    Examples
    --------
    >>> edges = [
    ...     ("(start)", "view", 9),
    ...     ("view", "buy", 1),
    ...     ("view", "cart", 5),
    ...     ("cart", "buy", 3),
    ... ]
    >>> widest_path(edges, ["buy"])
    ['view', 'cart', 'buy']
    """
    first = _first_event(edges)
    if first is None:
        return []
    if first[0] in targets:
        return [first[0]]
    links = _real(edges)
    # The widest route to each event with at most so many links, and the width of it.
    widest: dict[str, tuple[int, list[str]]] = {first[0]: (first[1], [first[0]])}
    for _ in range(_STEPS - 1):
        longer = dict(widest)
        for source, target, customers in links:
            if source not in widest or source in targets:
                continue
            width = min(widest[source][0], customers)
            if target not in longer or width > longer[target][0]:
                longer[target] = (width, [*widest[source][1], target])
        widest = longer
    reached = [(widest[target][0], target) for target in targets if target in widest]
    if not reached:
        return []
    _, best = min(reached, key=lambda end: (-end[0], end[1]))
    return widest[best][1]
