"""What is needed to say which persona a customer belongs to, and nothing of the customers it was learnt from."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from safar import _args, _table
from safar._log import Log
from safar._typing import Floats, Frame, Instant, Integers
from safar.analyses import Spec
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said, so_many
from safar.models.personas.clustering import clustering_from
from safar.models.personas.columns import Customers, customers_of, joined
from safar.models.personas.groups import Clustering, Placement
from safar.models.personas.naming import PersonaName
from safar.models.personas.preparing import Preparation, Unseen
from safar.result import ResultTable

__all__ = ["PersonaModel", "assignment_table", "customers_of_log"]

_VERSION = 1
# Customers that are placed together, so that their distances from all groups fit into memory.
_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class PersonaModel:
    """Which persona does a customer belong to?

    Parameters
    ----------
    preparation
        How columns become points.
    clustering
        The groups; None where there are none, and all customers are one group.
    names
        Names of the personas, the largest first.
    key
        The column with the ids.
    question
        What a log is asked for the behaviour of its customers, as JSON; None of personas of a frame.
    sizes
        Customers of each persona when they were found.

    Examples
    --------
    >>> import safar
    >>> customers = {"id": range(60), "visits": [1, 2, 3] * 10 + [30, 31, 32] * 10}
    >>> model = safar.personas(customers, key="id", k=2).model
    >>> again = safar.PersonaModel.from_json(model.to_json())
    >>> again.assign({"id": ["new"], "visits": [29]}).to_dict()["persona"]
    ['high visits']
    """

    preparation: Preparation
    clustering: Clustering | None
    names: tuple[PersonaName, ...]
    key: str
    question: str | None
    sizes: tuple[int, ...]

    def assign(
        self,
        customers: Frame | Log,
        profiles: Frame | None = None,
        *,
        at: Instant | None = None,
        unseen: Unseen = "error",
    ) -> ResultTable:
        """Which persona do these customers belong to?

        Parameters
        ----------
        customers
            A frame with one row a customer and the columns that the personas were found with; or, if they were found
            with a log, a log.
        profiles
            Other columns of the customers, as when the personas were found.
        at
            The instant up to which the log is looked at; by default its end.
        unseen
            What becomes of a customer with a category that nobody had when the personas were found: ``"error"``, or
            ``"unassigned"`` for none.

        Returns
        -------
        ResultTable
            One row a customer: ``customer``, ``persona`` (null for those that belong to none), ``distance`` (to the
            middle of the persona, in spreads of a column), ``second`` (the second nearest persona) and ``probability``
            (of a mixture; null otherwise).
        """
        _args.choice(unseen, "unseen", Unseen)
        known = self._known(customers, profiles, at)
        return assignment_table(known, self.place(known, unseen), self.names, self._definition())

    def place(self, customers: Customers, unseen: Unseen = "error") -> Placement:
        """Say where customers belong, by the number of the persona."""
        points = self.preparation.apply(customers, unseen)
        size = len(points)
        group = np.full(size, -1, dtype=np.int64)
        second = group.copy()
        distance, probability = np.full(size, np.nan), np.full(size, np.nan)
        rows = np.flatnonzero(points.usable)
        if self.clustering is None:
            group[rows] = 0
        else:
            for part in np.array_split(rows, -(-len(rows) // _AT_ONCE) or 1):
                placed = self.clustering.place(points.rows(part))
                group[part], second[part] = placed.group, placed.second
                distance[part], probability[part] = placed.distance, placed.probability
        return Placement(group, distance, second, probability)

    @property
    def called(self) -> dict[str, dict[str, str]]:
        """What personas are called in other languages, by their text in tables."""
        return {"fa": {str(name): name.persian for name in self.names}}

    def renamed(self, names: Sequence[PersonaName]) -> PersonaModel:
        """The same personas under other names."""
        return replace(self, names=tuple(names))

    def to_json(self) -> str:
        """Write the model as text.

        Returns
        -------
        str
            JSON. Of personas by ``"hdbscan"`` it holds the prepared columns of the customers that they were found
            with, without their ids; of all others only middles and shapes of groups.
        """
        return json.dumps(
            {
                "safar": "personas",
                "version": _VERSION,
                "preparation": self.preparation.to_dict(),
                "clustering": None if self.clustering is None else self.clustering.to_dict(),
                "names": [[str(name), name.persian] for name in self.names],
                "key": self.key,
                "question": self.question,
                "sizes": list(self.sizes),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> PersonaModel:
        """Read a model that `to_json` wrote.

        Parameters
        ----------
        text
            What it wrote.

        Returns
        -------
        PersonaModel
        """
        try:
            given: Any = json.loads(_args.text(text, "text"))
        except json.JSONDecodeError as error:
            raise ArgumentError(f"text is no JSON ({error}); expected what to_json() wrote") from None
        if not isinstance(given, dict) or given.get("safar") != "personas":
            raise ArgumentError("text is JSON of something else; expected what PersonaModel.to_json() wrote")
        if given.get("version") != _VERSION:
            raise ArgumentError(
                f"text has version {given.get('version')!r} of the form, and this safar reads {_VERSION}; find the "
                "personas again, or read it with the safar that wrote it"
            )
        clustering = given["clustering"]
        return cls(
            Preparation.from_dict(given["preparation"]),
            None if clustering is None else clustering_from(clustering),
            tuple(PersonaName(english, persian) for english, persian in given["names"]),
            given["key"],
            given["question"],
            tuple(given["sizes"]),
        )

    def _known(self, customers: Frame | Log, profiles: Frame | None, at: Instant | None) -> Customers:
        """The customers of a frame, or of a log by what it is asked, with their profiles."""
        wanted = self.preparation.names
        if isinstance(customers, Log):
            if self.question is None:
                raise ArgumentTypeError(
                    "these personas were found with a frame, not with a log; expected a frame with the same columns"
                )
            found = customers_of_log(customers, self.question, at, wanted)
        else:
            if at is not None:
                raise ArgumentError("at= is for a log, and a frame was given; leave it out")
            found = customers_of(customers, self.key, wanted)
        return found if profiles is None else joined(found, customers_of(profiles, self.key, wanted))

    def _definition(self) -> Said:
        return so_many(
            len(self.names),
            "There is one persona, found before; columns are prepared as they were then.",
            "Each customer belongs to the nearest of {number} personas, found before; columns are prepared as they "
            "were then.",
        )


def customers_of_log(
    log: Log, question: str, at: Instant | None, wanted: Container[str] | None = None
) -> Customers:
    """What a log knows of its customers at an instant."""
    asked: Any = Spec.from_json(question)
    if at is not None:
        asked = replace(asked, at=at)
    features = asked.run(log)
    if not len(features):
        raise DataError(f"the log has no customer to place; {features.definition}")
    return customers_of(features.table, "customer", set(features.names) if wanted is None else wanted)


def assignment_table(
    customers: Customers, placed: Placement, names: Sequence[str], definition: str
) -> ResultTable:
    """One row a customer with the persona that it belongs to."""
    return ResultTable(
        _table.table_of(
            {
                "customer": customers.ids,
                "persona": _table.named(placed.group, names),
                "distance": _nullable(placed.distance),
                "second": _table.named(placed.second, names),
                "probability": _nullable(placed.probability),
            }
        ),
        definition,
        "UTC",
        shares=frozenset({"probability"}),
    )


def _nullable(values: Floats | Integers) -> object:
    return _table.nullable(values)
