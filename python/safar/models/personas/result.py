"""Personas: who they are, what is typical of them, how sure that is, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._log import Log
from safar._typing import Array, Floats, Frame, Instant, Language
from safar.errors import ArgumentError
from safar.language import Locale, Said, paragraph, so_many
from safar.models.personas.choosing import (
    RESAMPLED_ROWS,
    SILHOUETTE_ROWS,
    STABLE,
    Looked,
)
from safar.models.personas.columns import Column, Customers
from safar.models.personas.drift import PersonaDriftResult, drift_of
from safar.models.personas.groups import Placement
from safar.models.personas.journey import PersonaJourneys, journeys_of
from safar.models.personas.model import PersonaModel, assignment_table
from safar.models.personas.naming import PersonaName, distinct
from safar.models.personas.preparing import Unseen
from safar.models.personas.profiling import as_table, left_out
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar.log import EventLog
    from safar.pages import Page
    from safar.pages.colours import PageTheme


__all__ = ["PersonasResult", "bilingual", "persona_table"]

_WARNING = Said(
    "Tests on the columns that personas were found in describe them and prove nothing, since the personas were made to "
    "differ there; look at columns of the role described."
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PersonasResult(ResultTable):
    """Which kinds of customers are there?

    Parameters
    ----------
    table
        One row a persona, the largest first: ``persona`` (its name), ``number`` (from 1), ``customers``, ``share`` of
        the customers that were looked at, with its 95 % interval (``share_low``, ``share_high``), ``stability`` (mean
        Jaccard similarity with its likest group in bootstraps; null of a single group), ``stable`` (whether that is
        0.75 or more), ``small`` (whether it is below the least share that was asked for).
    model
        What is needed to place other customers.
    reason
        Why there are no clusters: ``"gap"`` (one group explains the customers as well), ``"mixture"`` (no valley of few
        customers lies between groups of many), ``"stability"`` (no number of groups comes back in bootstraps),
        ``"minimum"`` (each number has a group that is too small), ``"density"`` (no region is dense enough), or None
        where there are.
    """

    _: KW_ONLY
    model: PersonaModel
    reason: str | None
    _customers: Customers
    _placed: Placement
    _traits: Mapping[str, Array]
    _looked: Looked
    _stability: Floats
    _minimum: float

    # ----------------------------------------------------------------------------------------------------- tables

    @property
    def names(self) -> list[str]:
        """Names of the personas, the largest first."""
        return [str(name) for name in self.model.names]

    @property
    def unassigned(self) -> int:
        """Customers that belong to no persona."""
        return int((self._placed.group < 0).sum())

    @property
    def assignments(self) -> ResultTable:
        """Who belongs where?

        ``customer``, ``persona`` (null where unassigned), ``distance`` to its middle in spreads of a column, ``second``
        nearest persona, ``probability`` (of a mixture; null otherwise).
        """
        return assignment_table(self._customers, self._placed, self.names, self.definition)

    @property
    def profiles(self) -> ResultTable:
        """What is typical of each persona: a row a persona and trait.

        ``column``, ``kind`` (``"number"`` or ``"category"``), ``role`` (``"clustered"`` or ``"described"``), ``value``
        (the category), ``customers`` (of the persona, with a known value), ``here`` and ``rest`` (the share, or the
        mean of a number, in the persona and among all others), ``median``, ``median_rest`` (of numbers),
        ``difference`` with its 95 % interval (Newcombe; Welch), ``lift`` (share here over that of all customers),
        ``effect`` (Cohen's d of a number, h of a share), ``v_test``, ``p_value``, ``q_value`` (Benjamini and
        Hochberg, over all rows).
        """
        rows = as_table(self._traits, self.names)
        return ResultTable(_table.table_of(rows), paragraph(_TRAITS, _WARNING), self.timezone)

    @property
    def choice(self) -> ResultTable:
        """What speaks for each number of personas.

        One row a number: ``personas``, ``silhouette`` (-1 to 1), ``gap``, ``gap_error``, ``stability`` (mean over the
        groups), ``least_stability``, ``smallest`` (share of the smallest group), ``by_gap`` and ``by_mixture`` (whether
        the gap rule or normal mixtures say so), ``chosen``. What was not looked at is null.
        """
        tried, by_gap, by_mixture = self._looked.tried, self._looked.by_gap, self._looked.by_mixture
        stabilities = [each.stability for each in tried]
        columns: dict[str, object] = {
            "personas": np.array([each.k for each in tried], dtype=np.int64),
            **{
                name: _floats(getattr(each, field) for each in tried)
                for name, field in (("silhouette", "silhouette"), ("gap", "gap"), ("gap_error", "gap_error"))
            },
            "stability": _floats(each.mean() if len(each) else np.nan for each in stabilities),
            "least_stability": _floats(each.min() if len(each) else np.nan for each in stabilities),
            "smallest": _floats(each.smallest for each in tried),
            "by_gap": np.array([each.k == by_gap for each in tried], dtype=bool),
            "by_mixture": np.array([each.k == by_mixture for each in tried], dtype=bool),
            "chosen": np.array([each.k == len(self) for each in tried], dtype=bool),
        }
        definition = paragraph(
            _CHOICE, Said(_MEASURED, resampled=RESAMPLED_ROWS, silhouettes=SILHOUETTE_ROWS)
        )
        return ResultTable(
            _table.table_of(columns), definition, self.timezone, shares=frozenset({"smallest"})
        )

    @property
    def preparation(self) -> ResultTable:
        """How was each column taken?

        ``column``, ``kind``, ``role`` (``"clustered"``, ``"described"`` or ``"left out"``), ``logarithm`` (whether a
        number is taken by it), ``missing`` (share of the customers), ``reason`` why it was left out.
        """
        left_out = dict(self.model.preparation.left_out)
        drawn = {each.column: each.unit is not None for each in self.model.preparation.numbers}
        columns = self._columns_looked_at()
        roles = [
            "left out"
            if each.name in left_out
            else "clustered"
            if self._is_clustered(each.name)
            else "described"
            for each in columns
        ]
        rows: dict[str, object] = {
            "column": [each.name for each in columns],
            "kind": [each.kind for each in columns],
            "role": roles,
            "logarithm": [drawn.get(each.name) for each in columns],
            "missing": _floats(each.missing.mean() for each in columns),
            "reason": [left_out.get(each.name) for each in columns],
        }
        return ResultTable(
            _table.table_of(rows), self.definition, self.timezone, shares=frozenset({"missing"})
        )

    def _is_clustered(self, name: str) -> bool:
        return name in self.model.preparation.names

    def _columns_looked_at(self) -> list[Column]:
        looked = {*self._traits["column"].tolist(), *dict(self.model.preparation.left_out)}
        return [column for name, column in self._customers.columns.items() if name in looked]

    def examples(self, persona: str, *, most: int = 5) -> ResultTable:
        """Which customers are most like the persona?

        Parameters
        ----------
        persona
            One of `names`.
        most
            How many at most.

        Returns
        -------
        ResultTable
            One row a customer, the nearest to the middle first: ``customer``, ``distance`` and what is known of it.
        """
        members = np.flatnonzero(self._placed.group == self._place(persona))
        size, distance = _args.whole(most, "most"), np.nan_to_num(self._placed.distance[members])
        if size < len(members):
            near = distance <= np.partition(distance, size - 1)[size - 1]
            members, distance = members[near], distance[near]
        rows = members[np.lexsort((self._customers.ids[members].astype(str), distance))[:size]]
        columns: dict[str, object] = {
            "customer": self._customers.ids[rows],
            "distance": _table.nullable(self._placed.distance[rows]),
        }
        for column in self._columns_looked_at():
            values = column.values[rows]
            columns[column.name] = (
                _table.nullable(values)
                if column.labels is None
                else _table.named(values.astype(np.int64), column.labels)
            )
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    # ------------------------------------------------------------------------------------------------------ names

    def rename(self, names: Mapping[str, str], *, language: Language | None = None) -> PersonasResult:
        """Give personas names of your own.

        Parameters
        ----------
        names
            New names by old ones; personas that are not named keep theirs.
        language
            The language that the names are for; by default they are for all. Tables have the English ones.

        Returns
        -------
        PersonasResult
            The same personas; every table, card and chart has the new names.
        """
        if language is not None:
            _args.choice(language, "language", Language)
        own = list(self.model.names)
        for old, new in names.items():
            place, text = self._place(old), _args.text(new, f"names[{old!r}]")
            own[place] = (
                PersonaName(text)
                if language is None
                else PersonaName(text, own[place].persian)
                if language == "en"
                else PersonaName(str(own[place]), text)
            )
        for texts in ([str(name) for name in own], [name.persian for name in own]):
            if len(set(texts)) < len(texts):
                twice = next(text for text in texts if texts.count(text) > 1)
                raise ArgumentError(
                    f'two personas would be called "{twice}"; expected a name of its own for each'
                )
        model = self.model.renamed(own)
        table = persona_table(model, self._placed, self._stability, self._minimum)
        return replace(self, model=model, table=table)

    def _place(self, persona: str) -> int:
        if persona not in self.names:
            raise ArgumentError(
                f'persona="{persona}" is none of the personas{_args.suggestion(str(persona), self.names)} (personas: '
                f"{_args.listing(self.names)})"
            )
        return self.names.index(persona)

    @property
    def called(self) -> Mapping[str, Mapping[str, str]]:
        """What personas are called, by language and by their text in the tables."""
        return self.model.called

    def name(self, persona: str, language: Language = "en") -> str:
        """What is a persona called in a language?

        Parameters
        ----------
        persona
            One of `names`.
        language
            ``"en"``, or ``"fa"`` for Persian.
        """
        return Locale(language).say(self.model.names[self._place(persona)])

    # -------------------------------------------------------------------------------------------------- other uses

    def assign(
        self,
        customers: Frame | Log,
        profiles: Frame | None = None,
        *,
        at: Instant | None = None,
        unseen: Unseen = "error",
    ) -> ResultTable:
        """Which persona do other customers belong to? As `PersonaModel.assign`."""
        return self.model.assign(customers, profiles, at=at, unseen=unseen)

    def drift(
        self,
        customers: Log | Mapping[str, Frame],
        profiles: Frame | None = None,
        *,
        at: Sequence[Instant] | None = None,
    ) -> PersonaDriftResult:
        """How do the personas change with time?

        Parameters
        ----------
        customers
            A log, if they were found with one; or a frame for each time, such as ``{"spring": …, "summer": …}``.
        profiles
            Other columns of the customers, as when the personas were found.
        at
            The instants at which a log is looked at.

        Returns
        -------
        PersonaDriftResult
            The shares at each time, how far they are from those at the finding, and who moved.
        """
        return drift_of(self.model, customers, profiles, at)

    def journeys(self, log: EventLog, *, churn: Frame | None = None) -> PersonaJourneys:
        """How do the personas travel, what are they worth, and how content are they?

        Parameters
        ----------
        log
            The events of the same customers; with answers to surveys (`EventLog.with_scores`) also how content they
            are.
        churn
            One row a customer: ``customer`` and ``probability`` of leaving, from 0 to 1; by default nothing is said of
            it.

        Returns
        -------
        PersonaJourneys
        """
        return journeys_of(self, log, churn)

    def card(
        self,
        persona: str,
        *,
        journeys: PersonaJourneys | None = None,
        language: Language = "en",
        theme: PageTheme = "auto",
        examples: int = 3,
    ) -> Page:
        """A persona on one page.

        Parameters
        ----------
        persona
            One of `names`.
        journeys
            What `journeys` found: with it the card has channels, stages, paths, worth and scores.
        language
            ``"en"``, or ``"fa"`` for Persian, from right to left.
        theme
            ``"light"`` or ``"dark"`` paper, or ``"auto"`` for that of the reader's system.
        examples
            How many customers are named as examples; 0 for a card that leaves the house.

        Returns
        -------
        Page
            ``card.save("card.html")`` writes it.
        """
        # Pages stand above results, so they are looked up when one is asked for.
        draw = import_module("safar.pages.persona_card").persona_card
        page: Page = draw(
            self, self._place(persona), journeys=journeys, language=language, theme=theme, examples=examples
        )
        return page

    def to_profiles(self) -> ResultTable:
        """The personas as profiles of customers: ``customer`` and ``persona``, null where unassigned.

        ``log.with_profiles(result.to_profiles(), key="customer")`` has them as a column for ``by="persona"``.
        """
        table = self.assignments.table.select(["customer", "persona"])
        return ResultTable(table, self.definition, self.timezone)

    def to_json(self) -> str:
        """Write what is needed to place other customers, as `PersonaModel.to_json`."""
        return self.model.to_json()

    def export(self, *, k_anonymity: int = 10, minimum: float = 0.05) -> ResultTable:
        """The traits of personas for others to see, without those that point at few customers.

        Parameters
        ----------
        k_anonymity
            Each number and share stands for at least so many customers, those who have the category in the persona
            and those who have it elsewhere; what stands for fewer is left out. Where the categories of a persona that
            are left out stand for fewer together, the next smallest is left out as well, or they would be known as
            the rest.
        minimum
            Personas below this share are left out.

        Returns
        -------
        ResultTable
            ``persona``, ``persona_customers``, ``persona_share`` and the columns of `profiles`. Its definition says how
            many personas and traits were left out. Neither ids nor single values are in it.
        """
        k = _args.whole(k_anonymity, "k_anonymity")
        _args.share(minimum, "minimum")
        group = self._placed.group
        sizes = np.bincount(group[group >= 0], minlength=len(self.names))
        share = sizes / max(len(group), 1)
        told = (sizes >= k) & (share >= minimum)
        rows, of = self._traits, self._traits["persona"]
        few = self._telling_of_few(k)
        kept = told[of] & ~few
        columns = as_table({name: values[kept] for name, values in rows.items()}, self.names)
        sizes_of = {
            "persona": columns.pop("persona"),
            "persona_customers": sizes[of[kept]],
            "persona_share": share[of[kept]],
        }
        said = Said(
            "{personas} and {traits} of the others are left out: they stand for fewer customers than {k}, or for a "
            "persona below the least share.",
            personas=so_many(int((~told).sum()), "1 persona", "{number} personas"),
            traits=so_many(int((told[of] & few).sum()), "1 trait", "{number} traits"),
            k=k,
        )
        return ResultTable(
            _table.table_of(sizes_of | columns),
            paragraph(_TRAITS, said),
            self.timezone,
            shares=frozenset({"persona_share"}),
        )

    def _telling_of_few(self, k: int) -> Array:
        """Which traits stand for fewer than so many customers, or would let others of fewer be reckoned."""
        rows, group = self._traits, self._placed.group
        few = np.zeros(len(rows["persona"]), dtype=bool)
        for name in dict.fromkeys(rows["column"].tolist()):
            column = self._customers.columns[name]
            places = np.where(column.missing, -1, 0 if column.labels is None else column.values).astype(
                np.int64
            )
            width = 1 if column.labels is None else len(column.labels)
            known = places >= 0
            cells = np.bincount(
                (group[known] + 1) * width + places[known], minlength=(len(self.names) + 1) * width
            ).reshape(-1, width)
            for persona, own in enumerate(cells[1:]):
                at = np.flatnonzero((rows["column"] == name) & (rows["persona"] == persona))
                few[at] = left_out(own, cells.sum(axis=0) - own, k)
        return few

    def plot(self, **options: Any) -> ChartType:
        """The personas as an Altair chart; the options are those of `safar.plot.personas`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").personas(self, **options)
        return chart


_TRAITS = Said(
    "here and rest are the share of a category, or the mean of a number, in the persona and among all other customers; "
    "difference has its 95% interval; v_test says how far that is from chance, with q_value corrected for their number."
)
_CHOICE = Said(
    "gap compares the spread within groups with that of customers without groups; the gap rule takes the least number "
    "whose gap is not clearly below the next one's. by_mixture is the number of groups that normal distributions show "
    "which fit best (BIC); those that no valley parts are one. stability is the mean Jaccard similarity of a group "
    "with its likest one in bootstraps: 0.75 and more is stable."
)


_MEASURED = (
    "gap, mixtures and stability are measured in at most {resampled} customers, drawn at random, and the silhouette in "
    "{silhouettes}."
)


def _floats(values: Any) -> object:
    return _table.nullable(np.array(list(values), dtype=np.float64))


def persona_table(model: PersonaModel, placed: Placement, stability: Floats, minimum: float) -> Table:
    """One row a persona."""
    size = len(model.names)
    group = placed.group
    sizes = np.bincount(group[group >= 0], minlength=size).astype(np.int64)
    columns: dict[str, object] = {
        "persona": [str(name) for name in model.names],
        "number": np.arange(1, size + 1),
        "customers": sizes,
        **share_columns("share", sizes, np.full(size, len(group), dtype=np.int64)),
        "stability": _table.nullable(stability),
        "stable": [None if np.isnan(each) else bool(each >= STABLE) for each in stability],
        "small": sizes < minimum * len(group),
    }
    return _table.table_of(columns)


def bilingual(names: Sequence[Any]) -> tuple[PersonaName, ...]:
    """Names in both languages, no two of them alike."""
    persian = Locale("fa")
    both = (distinct([str(name) for name in names]), distinct([persian.say(name) for name in names]))
    return tuple(PersonaName(*each) for each in zip(*both, strict=True))
