"""The question of personas: from customers to groups, and back to what is typical of them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from safar import _args
from safar._log import Log
from safar._typing import Duration, Floats, Frame, Instant, Integers
from safar.analyses.features import Features
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said, paragraph, so_many
from safar.models.personas.choosing import (
    Choose,
    Looked,
    Tried,
    jaccard_of_regions,
    look,
    silhouette,
)
from safar.models.personas.clustering import Method
from safar.models.personas.columns import Customers, customers_of, joined
from safar.models.personas.groups import Clustering, drawn
from safar.models.personas.medoids import MOST_ROWS
from safar.models.personas.model import PersonaModel, customers_of_log
from safar.models.personas.naming import suggested
from safar.models.personas.preparing import Missing, Points, preparation_of
from safar.models.personas.profiling import traits
from safar.models.personas.regions import regions
from safar.models.personas.result import PersonasResult, bilingual, persona_table

__all__ = ["Behaviour", "personas"]

Asked: TypeAlias = Literal["auto", "kmeans", "kprototypes", "pam", "mixture", "hdbscan"]
Behaviour: TypeAlias = Literal[
    "recency", "frequency", "monetary", "rhythm", "trend", "channel", "clock", "state"
]

_BEHAVIOUR: tuple[Behaviour, ...] = ("recency", "frequency", "monetary", "channel", "clock")
# Of the behaviour in a log: what is known of every customer and says one thing each.
_TELLING = ("recency_days", "tenure_days", "events", "active_days", "value_sum")
_TELLING_BEGIN = ("channel_share_", "hour_share_")
_RANGE = tuple(range(2, 9))
# Personas are found in so many customers; dense regions in fewer, for their time grows with the square.
_SAMPLED = 50_000
_DENSE = 10_000
_STARTS = {"kmeans": 50, "kprototypes": 20, "pam": 1, "mixture": 10}
_MIXED = ("kprototypes", "pam")
_METHODS = {
    "kmeans": Said("k-means"),
    "kprototypes": Said("k-prototypes"),
    "pam": Said("partitioning around medoids (PAM) by Gower's dissimilarity"),
    "mixture": Said("a mixture of normal distributions"),
    "hdbscan": Said("dense regions (HDBSCAN)"),
}
_REASONS = {
    "gap": Said("No clusters: by the gap rule, one group explains the customers as well as several."),
    "mixture": Said("No clusters: no valley of few customers lies between groups of many."),
    "stability": Said(
        "No clusters: whatever their number, the groups don't come back when customers are resampled."
    ),
    "minimum": Said("No clusters: whatever their number, one group is smaller than the least share."),
    "density": Said("No clusters: no region is dense enough to stand out from its surroundings."),
}

_FINER = "No more than {number} groups are told from slices of one, which come back without being apart."


@dataclass(frozen=True, slots=True)
class _Found:
    """Groups, and what speaks for them."""

    clustering: Clustering | None
    stability: Floats
    reason: str | None
    looked: Looked


def personas(
    customers: Frame | Log,
    profiles: Frame | None = None,
    *,
    key: str = "customer",
    columns: str | Sequence[str] | None = None,
    describe: str | Sequence[str] = (),
    method: Asked = "auto",
    k: int | Sequence[int] | None = None,
    choose: Choose = "stability",
    missing: Missing = "typical",
    minimum: float = 0.05,
    at: Instant | None = None,
    observe: Duration | None = None,
    features: Behaviour | Sequence[Behaviour] = _BEHAVIOUR,
    sample: int | None = None,
    seed: int = 0,
) -> PersonasResult:
    """Which kinds of customers are there, and what is typical of each?

    Parameters
    ----------
    customers
        A frame with one row a customer, or a log, whose `features` describe the behaviour of its customers.
    profiles
        Demographic and psychographic columns of the customers, one row each, put beside the first ones.
    key
        The column of the frames with the customers' ids.
    columns
        The columns that personas are found in; by default all of the frames that are not in `describe`, and of a log
        ``recency_days``, ``tenure_days``, ``events``, ``active_days``, ``value_sum`` and the shares of channels and of
        hours. Fewer that matter find more than many that don't.
    describe
        Columns that are kept out of the finding, to see whether personas differ there too: this proves something.
    method
        ``"kmeans"`` (numbers), ``"kprototypes"`` (numbers and categories), ``"pam"`` (numbers and categories; around
        customers who stand for their group, found in 5,000 of them at most), ``"mixture"`` (numbers; normal
        distributions of any shape, with probabilities), ``"hdbscan"`` (numbers; dense regions of any shape, the rest
        unassigned).
        ``"auto"``: k-means, and k-prototypes where there are categories.
    k
        Number of personas, or the numbers to look at; by default 2 to 8. `"hdbscan"` finds its own.
    choose
        Which number is taken of those whose groups are stable on average and not too small: ``"stability"`` (default)
        the largest one all of whose groups come back in bootstraps, up to the groups that normal mixtures show or, of
        categories and fewer than 50 customers, to what the gap rule says (the finest picture that holds), ``"gap"``
        what the gap rule says, ``"silhouette"`` the one with the most separate groups.
    missing
        A customer with an unknown value: ``"typical"`` takes the median of a number, and unknown as a category of its
        own; ``"unassigned"`` leaves the customer out.
    minimum
        The least share of the customers that a persona has.
    at
        The instant up to which a log is looked at; by default its end.
    observe
        How long before it; by default all the time.
    features
        The groups of features that a log is asked for; those that are not in `columns` are described where they are
        named in `describe`.
    sample
        Personas are found in so many customers at most, drawn by `seed`; the others are placed. By default 50,000; of
        ``"hdbscan"`` 10,000, whose time grows with their square, and of ``"pam"`` never more than 5,000.
    seed
        Start of all that is random; the same one gives the same personas.

    Returns
    -------
    PersonasResult
        One row a persona; `PersonasResult` has the columns, and everything else as tables of its own.

    Raises
    ------
    DataError
        If no column tells customers apart, a customer stands in two rows, or there are fewer customers than personas.

    Notes
    -----
    Numbers that are never negative and very skewed (above 2) are taken by ``log(1 + x / median of the positive
    ones)``, which does not depend on their unit; all are cut at their 1 % and 99 % quantiles and scaled to mean 0
    and deviation 1. k-means: scikit-learn, 50 starts. k-prototypes: Huang (1998, doi:10.1023/A:1009769707641),
    Σ(x−m)² + γ·mismatches with γ half of the mean deviation. PAM: Kaufman and Rousseeuw (1990,
    doi:10.1002/9780470316801.ch2), by Gower's dissimilarity (1971, doi:10.2307/2528823) of the prepared numbers;
    R's ``cluster::daisy`` and ``pam``. Gap statistic: Tibshirani, Walther and Hastie (2001,
    doi:10.1111/1467-9868.00293), 20 references in the box of the principal axes, of k-means or k-prototypes
    whatever the method; rule of one standard error. Normal mixtures: the least BIC (Fraley and Raftery 2002,
    doi:10.1198/016214502760047131) of those with one covariance in common, with variances and with covariances of their
    own, in columns blurred by a tenth of their spread. Components are one group unless the density along their
    ridgeline (Ray and Lindsay 2005, doi:10.1214/009053605000000417) falls below half of the lower peak, or where the
    gap rule says 1, to 0.3 of it (a ridgeline ratio of Hennig 2010, doi:10.1007/s11634-010-0058-3); where one
    covariance in common fits best, or variances of their own take as many components, each is a group. Stability:
    Hennig (2007, doi:10.1016/j.csda.2006.11.025), 25 bootstraps. Where the mixtures (of categories, or asked for, the
    gap rule) say 1, or no number of groups has a mean stability of 0.75, there are no clusters, and the result is one
    group with the reason. v-test: hypergeometric with mid-p, as ``FactoMineR::catdes``.

    The order of rows does not matter: customers are sorted by their values first. Of more than 5,000 customers so many,
    drawn by `seed`, look for the best start, which all of `sample` lead on. Gap, mixtures and stability are measured in
    2,000 customers, silhouettes in 4,000.

    Examples
    --------
    >>> import safar
    >>> customers = {
    ...     "id": range(90),
    ...     "visits": [1, 2, 3] * 10 + [10, 11, 12] * 20,
    ...     "channel": ["store"] * 30 + ["app"] * 30 + ["web"] * 30,
    ...     "plan": ["basic", "basic", "pro"] * 30,
    ... }
    >>> found = safar.personas(customers, key="id", describe="plan", k=3)
    >>> found.to_dict()["customers"], sorted(found.names)
    ([30, 30, 30], ['channel: app, high visits', 'channel: web, high visits', 'low visits, channel: store'])
    """
    _args.choice(method, "method", Asked)
    _args.choice(choose, "choose", Choose)
    _args.choice(missing, "missing", Missing)
    least = _args.share(minimum, "minimum")
    most = None if sample is None else _args.whole(sample, "sample")
    described = () if describe in ((), []) else _args.names(describe, "describe")
    wanted = None if columns is None else {*_args.names(columns, "columns"), *described}
    known, question = _known(customers, profiles, key, wanted, at, observe, features)
    looked_at = _looked_at(known, columns, described, question is not None)
    preparation = preparation_of(known.known(looked_at, "columns"), missing)
    way = _method(method, preparation.categories != (), known, looked_at)
    points, usable = _sampled(known, preparation.apply(known), _most(most, way), seed)
    numbers = _numbers(k, way, points)
    given = k is not None and len(numbers) == 1
    found = _found(way, points, numbers, choose, least, given, seed)
    size = 1 if found.clustering is None else found.clustering.size
    model = PersonaModel(
        preparation, found.clustering, bilingual([Said("persona {number}", number=n + 1) for n in range(size)]),
        key, question, (),
    )  # fmt: skip
    placed = model.place(known)
    shown = known.known([*looked_at, *described], "describe")
    of_traits = traits(shown, preparation.names, placed.group, size)
    sizes = np.bincount(placed.group[placed.group >= 0], minlength=size)
    model = PersonaModel(
        preparation, found.clustering, bilingual(suggested(of_traits, size)), key, question,
        tuple(sizes.tolist()),
    )  # fmt: skip
    return PersonasResult(
        persona_table(model, placed, found.stability, least),
        _definition(known, model, way, found, placed.group, (len(points), usable), given),
        "UTC",
        shares=frozenset({"share", "share_low", "share_high"}),
        model=model,
        reason=found.reason,
        _customers=known,
        _placed=placed,
        _traits=of_traits,
        _looked=found.looked,
        _stability=found.stability,
        _minimum=least,
    )


# -------------------------------------------------------------------------------------------------------- what is known


def _known(
    customers: Frame | Log,
    profiles: Frame | None,
    key: str,
    wanted: Container[str] | None,
    at: Instant | None,
    observe: Duration | None,
    features: Behaviour | Sequence[Behaviour],
) -> tuple[Customers, str | None]:
    _args.text(key, "key")
    question = None
    if isinstance(customers, Log):
        asked = Features(at, observe=observe, features=features)
        question = asked.expanded(customers).to_json()
        known = customers_of_log(customers, question, None, wanted)
    else:
        for name, value in (("at", at), ("observe", observe)):
            if value is not None:
                raise ArgumentError(f"{name}= is for a log, and a frame was given; leave it out")
        known = customers_of(customers, key, wanted)
    if not len(known):
        raise DataError("there are no customers; personas need some")
    if profiles is not None:
        known = joined(known, customers_of(profiles, key, wanted))
    return known, question


def _looked_at(
    known: Customers, columns: str | Sequence[str] | None, described: Sequence[str], of_log: bool
) -> list[str]:
    """The columns that personas are found in."""
    if columns is None:
        return [
            name
            for name in known.columns
            if name not in described and (not of_log or _is_telling(name, known))
        ]
    named = list(_args.names(columns, "columns"))
    for name in named:
        if name in described:
            raise ArgumentError(
                f'"{name}" is in columns= and in describe=; a column that personas are found in proves nothing about '
                "them: leave it in one of the two"
            )
    return named


def _is_telling(name: str, known: Customers) -> bool:
    return name in _TELLING or name.startswith(_TELLING_BEGIN) or name in known.profiles


def _method(asked: Asked, mixed: bool, known: Customers, looked_at: Sequence[str]) -> Method:
    if asked == "auto":
        return "kprototypes" if mixed else "kmeans"
    if mixed and asked not in _MIXED:
        texts = [name for name in looked_at if known.columns[name].kind == "category"]
        raise ArgumentError(
            f'method="{asked}" takes numbers, and {_args.listing(texts)} hold categories; use method="kprototypes" or '
            '"pam", or move them to describe='
        )
    return asked


def _numbers(k: int | Sequence[int] | None, method: Method, points: Points) -> list[int]:
    """The numbers of personas to look at, checked against the customers."""
    if method == "hdbscan":
        if k is not None:
            raise ArgumentError('k= is not for method="hdbscan", which finds the number itself; leave it out')
        return []
    different = len(np.unique(np.hstack([points.numbers, points.categories]), axis=0))
    if k is None:
        able = [each for each in _RANGE if each < different]
        if not able:
            raise DataError(
                f"only {different} of the {len(points):,} customers differ from each other; expected 3 or more that do"
            )
        return able
    given = list(k) if isinstance(k, Sequence) else [k]
    for each in given:
        if isinstance(each, bool) or not isinstance(each, int | np.integer):
            raise ArgumentTypeError(
                f"k={each!r} is a {type(each).__name__}; expected whole numbers such as 4"
            )
        if each < 2:
            raise ArgumentError(f"k={each}; expected at least 2 personas")
        if each > different:
            raise DataError(
                f"k={each} personas of {len(points):,} customers, of whom {different} differ from each other; expected "
                "fewer personas than different customers"
            )
    if not given:
        raise ArgumentError("k is an empty list; expected numbers of personas such as [3, 4, 5]")
    return sorted({int(each) for each in given})


def _most(asked: int | None, method: Method) -> int:
    """In how many customers personas are found at most."""
    if method == "pam":
        return min(asked or MOST_ROWS, MOST_ROWS)
    return asked or (_DENSE if method == "hdbscan" else _SAMPLED)


def _sampled(known: Customers, points: Points, most: int, seed: int) -> tuple[Points, int]:
    """The customers that personas are found in, in an order that does not depend on that of the rows; of how many."""
    rows = np.flatnonzero(points.usable)
    if len(rows) < 2:
        raise DataError(
            f'only {len(rows)} of {len(known):,} customers have all values; with missing="typical" unknown ones are '
            "taken as typical"
        )
    usable = len(rows)
    if usable > most:
        by_id = rows[np.argsort(known.ids[rows], kind="stable")]
        rows = by_id[drawn(len(rows), most, seed)]
    keys = [*points.numbers[rows].T, *points.categories[rows].T]
    return points.rows(rows[np.lexsort(keys[::-1])]), usable


# --------------------------------------------------------------------------------------------------------------- groups


def _found(
    method: Method,
    points: Points,
    numbers: Sequence[int],
    choose: Choose,
    minimum: float,
    given: bool,
    seed: int,
) -> _Found:
    if method == "hdbscan":
        return _dense(points, max(2, round(minimum * len(points))), seed)
    looked = look(method, points, numbers, seed=seed, starts=_STARTS[method])
    if given:
        size, reason = numbers[0], None
    else:
        size, reason = looked.chosen(choose, minimum)
    taken = next((each for each in looked.tried if each.k == size and each.clustering is not None), None)
    if taken is None:
        return _Found(None, np.full(1, np.nan), reason, looked)
    return _Found(taken.clustering, taken.stability, None, looked)


def _dense(points: Points, least: int, seed: int) -> _Found:
    """Dense regions, the largest first."""
    found = regions(points, least)
    if not found.size:
        return _Found(None, np.full(1, np.nan), "density", Looked((), None))
    sizes = np.bincount(found.group[found.group >= 0], minlength=found.size)
    ordered = found.ordered(np.lexsort((*found.middles().T[::-1], -sizes)))
    group = ordered.group
    stability = jaccard_of_regions(points, group, least, seed)
    nan = float("nan")
    one = Tried(
        found.size,
        silhouette("hdbscan", points, group, seed),
        nan,
        nan,
        stability,
        float(sizes.min() / len(points)),
        ordered,
    )
    return _Found(ordered, stability, None, Looked((one,), None))


# ---------------------------------------------------------------------------------------------------------------- words


def _definition(
    known: Customers,
    model: PersonaModel,
    method: Method,
    found: _Found,
    group: Integers,
    of_all: tuple[int, int],
    given: bool,
) -> Said:
    preparation = model.preparation
    nobody = int((group < 0).sum())
    sentences = [
        Said(
            "{customers}, {personas} by {method} in {columns}.",
            customers=so_many(len(known), "1 customer", "{number} customers"),
            personas=so_many(len(model.names), "1 persona", "{number} personas"),
            method=_METHODS[method],
            columns=so_many(len(preparation.names), "1 column", "{number} columns"),
        )
        if found.reason is None
        else _REASONS[found.reason],
        Said("Personas were found in {fitted} of them, drawn at random; the others were placed.", fitted=of_all[0])
        if of_all[0] < of_all[1]
        else None,
        *(_doubts(found.looked, len(model.names), given) if found.reason is None else ()),
        so_many(nobody, "1 customer is unassigned.", "{number} customers are unassigned.") if nobody else None,
        Said("Personas describe customers; they explain nothing."),
    ]  # fmt: skip
    return paragraph(*sentences)


def _doubts(looked: Looked, size: int, given: bool) -> list[Said]:
    """What speaks against so many personas."""
    most = looked.told_apart
    said = [Said("Their number was given.")] if given and (looked.by_gap == 1 or most == 1) else []
    if looked.by_gap == 1:
        said.append(Said("By the gap rule, there are no clusters."))
    if looked.by_mixture == 1:
        said.append(Said("No valley of few customers parts them."))
    if most is not None and 1 < most < size:
        said.append(Said(_FINER, number=most))
    return said
