"""Next events: what a customer does next, given the last events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Duration, Floats, Instant, Integers
from safar.analyses import _cutoffs
from safar.analyses._context_tree import Cells, ContextTree, Loss, best_loss, tree_of
from safar.analyses._spec import Spec, segments
from safar.analyses.paths import path_text
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Length, Listed, Moment, Said, Share, Span, paragraph
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["NextEvents", "NextEventsResult", "next_events"]

_START, END = "(start)", "(end)"
_MOST_ORDER = 5
_MOST_CELLS = 2_000_000
_TOPS = (1, 3, 5)
_MOST_TOP = 100


@dataclass(frozen=True, slots=True)
class _Model:
    """The contexts of one segment, and those that are used."""

    segment: str | None
    # Outcomes, then the start.
    names: tuple[str, ...]
    tree: ContextTree
    losses: tuple[Loss, ...]
    chosen: Loss
    kept: tuple[Array, ...]

    def context(self, length: int, node: int) -> list[str]:
        """The names of a context, the oldest first."""
        return [self.names[symbol] for symbol in self.tree.symbols(length, node)]

    def after(self, context: Sequence[str]) -> tuple[Floats, int]:
        """The probability of every outcome after a context, and how many of its last events count."""
        code = {name: place for place, name in enumerate(self.names)}
        return self.tree.distribution([code.get(name, -1) for name in reversed(context)], self.kept)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class NextEventsResult(Result):
    """What does a customer do next, given the last events?

    Parameters
    ----------
    table
        One row a context and outcome that was seen after it, the commonest contexts first: ``segment`` (only with
        `by`), ``context`` (the last events, the oldest first; empty for all), ``length`` (events in it), ``next``
        (``(end)`` where the journey ended), ``events`` (times that it was seen), ``of`` (times that the context was
        seen), ``probability`` (0 to 1, by the model).
    """

    analysis: ClassVar[str] = "next_events"

    _: KW_ONLY
    _models: tuple[_Model, ...] = field(default=())

    def losses(self) -> ResultTable:
        """How well does each order foresee customers that it was not learnt from?

        Returns
        -------
        ResultTable
            One row a model: ``segment`` (only with `by`), ``order`` (events that it looks back), ``pruned``,
            ``contexts`` (number), ``events`` (of the customers held out), ``log_loss`` (nats an event; lower is
            better), ``gain`` (log loss of order 0 less this one's) with its 95 % interval ``gain_low``, ``gain_high``
            (by leaving out each tenth of the customers held out), ``chosen``. Losses are null where nobody is held
            out.
        """
        rows = [(model, loss) for model in self._models for loss in model.losses]
        number = {
            name: _table.nullable(np.array([getattr(loss, given) for _, loss in rows], dtype=np.float64))
            for name, given in (
                ("log_loss", "loss"), ("gain", "gain"), ("gain_low", "gain_low"), ("gain_high", "gain_high")
            )
        }  # fmt: skip
        columns = self._segments([model for model, _ in rows])
        for name in ("order", "contexts", "events"):
            columns[name] = np.array([getattr(loss, name) for _, loss in rows], dtype=np.int64)
        columns["pruned"] = np.array([loss.pruned for _, loss in rows], dtype=bool)
        columns |= number
        columns["chosen"] = np.array([loss is model.chosen for model, loss in rows], dtype=bool)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def accuracy(self) -> ResultTable:
        """How often is what came next among the likeliest?

        Returns
        -------
        ResultTable
            One row a model and number: ``segment`` (only with `by`), ``order`` (0, and that of the chosen model),
            ``top`` (1, 3, 5), ``hits`` (times that what came is among so many), ``events`` (of the customers held out),
            ``share`` with its 95 % Wilson interval ``share_low``, ``share_high``, null where nobody is held out. Of
            equally likely outcomes, the first by name counts.
        """
        rows = []
        for model in self._models:
            for order in dict.fromkeys((0, model.chosen.order)):
                hits, events = _hits(model.tree, model.kept if order else model.kept[:1])
                rows += [(model, order, top, hits[top], events) for top in _TOPS]
        columns = self._segments([row[0] for row in rows])
        for place, name in enumerate(("order", "top", "hits", "events"), 1):
            columns[name] = np.array([row[place] for row in rows], dtype=np.int64)
        columns |= share_columns(
            "share", *(np.array([row[place] for row in rows], dtype=np.int64) for place in (3, 4))
        )
        shares = frozenset({"share", "share_low", "share_high"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)

    def contexts(self) -> ResultTable:
        """How sure is what comes next, after each context of the model?

        Returns
        -------
        ResultTable
            One row a context, shorter ones first: ``segment`` (only with `by`), ``context``, ``length``, ``events``
            (times that it was seen), ``entropy`` (nats: 0 where one outcome is sure), ``likeliest``, ``probability``.
        """
        rows, entropy, best, probability = [], [], [], []
        for model in self._models:
            for length, nodes, chance in model.tree.distributions(model.kept):
                rows += [(model, length, int(node)) for node in nodes]
                entropy.append(-(chance * np.log(chance)).sum(axis=1))
                best += [model.names[place] for place in chance.argmax(axis=1)]
                probability.append(chance.max(axis=1))
        columns = self._segments([model for model, _, _ in rows])
        columns["context"] = [path_text(model.context(length, node)) for model, length, node in rows]
        columns["length"] = np.array([length for _, length, _ in rows], dtype=np.int64)
        columns["events"] = np.array(
            [model.tree.levels[length].events[node] for model, length, node in rows], dtype=np.int64
        )
        columns["entropy"] = np.concatenate(entropy)
        columns["likeliest"] = best
        columns["probability"] = np.concatenate(probability)
        return ResultTable(
            _table.table_of(columns), self.definition, self.timezone, shares=frozenset({"probability"})
        )

    def predict(
        self, context: str | Sequence[str], *, top: int = 5, segment: str | None = None
    ) -> ResultTable:
        """What comes next after these events?

        Parameters
        ----------
        context
            The last event or events, the oldest first; ``"(start)"`` before them says that the journey began so.
        top
            How many of the likeliest outcomes are given.
        segment
            With `by`, the segment that is asked.

        Returns
        -------
        ResultTable
            One row an outcome, the likeliest first: ``next``, ``probability``, ``context`` (what of the given events
            the model looks at).
        """
        model = self._model(segment)
        if not isinstance(context, str | Sequence):
            raise ArgumentTypeError(
                f"context={context!r} is a {type(context).__name__}; expected the last event or a list of them"
            )
        given = [context] if isinstance(context, str) else list(context)
        if _START in given[1:]:
            raise ArgumentError(
                f'context: "{_START}" begins a journey; give it before all events, or leave it out'
            )
        known = {*model.names} - {END}
        for name in given:
            if name not in known:
                raise ArgumentError(
                    f'context: "{name}" was not seen{_args.suggestion(str(name), known)} '
                    f"(available: {_args.listing(sorted(known))})"
                )
        chance, used = model.after(given)
        order = np.argsort(-chance, kind="stable")[: _args.whole(top, "top", most=_MOST_TOP)]
        columns: dict[str, object] = {
            "next": [model.names[place] for place in order],
            "probability": chance[order],
            "context": [path_text(given[len(given) - used :])] * len(order),
        }
        return ResultTable(
            _table.table_of(columns), self.definition, self.timezone, shares=frozenset({"probability"})
        )

    def of_customers(self, *, top: int = 3) -> ResultTable:
        """What does each customer do next, given the history before the cut-off?

        Parameters
        ----------
        top
            How many of the likeliest outcomes are given.

        Returns
        -------
        ResultTable
            One row a customer with an event before the cut-off, in the order of the log: ``segment`` (only with `by`;
            that of the last journey), ``customer``, ``last`` (time of the last event), ``over`` (its journey has
            ended), ``context`` (what the model looks at), and ``next_1``, ``probability_1`` and so on. A journey that
            is over has no next event: null.
        """
        spec, log = cast("NextEvents", Spec.from_json(self.spec)), self._asked()
        tables = [_likeliest(model, _args.whole(top, "top", most=_MOST_TOP)) for model in self._models]
        contexts = sorted(
            {context for table in tables for context in table[0]}, key=lambda each: (len(each), each)
        )
        params = {"chain": spec.chain(log), "contexts": [list(each) for each in contexts]}
        rows = log.ask("next_events_customers", {"params": params, "by": spec.by, "at": "entry"})
        segment, labels = _table.segments(rows)
        place_of = {model.segment: place for place, model in enumerate(self._models)}
        model_of = np.array([place_of.get(label, -1) for label in labels], dtype=np.int64)
        # Where each model looks, whose contexts may be shorter than those of another.
        looks = [[_longest(context, table[0]) for context in contexts] for table in tables]
        base = np.cumsum([0, *(len(table[0]) for table in tables)])
        at = np.array(looks, dtype=np.int64) + base[:-1, None]
        asked = at[model_of[segment], _table.integers(rows, "context")]
        over = rows.numpy("over")[0].astype(bool)
        columns: dict[str, object] = {}
        if "segment" in rows.names:
            columns["segment"] = _table.named(segment, labels)
        kept = rows.select(["customer", "last", "over"])
        texts = [path_text(context) for table in tables for context in table[0]]
        columns["context"] = _table.named(asked, texts)
        outcomes = [np.concatenate([table[column] for table in tables]) for column in (1, 2)]
        names = sorted({name for model in self._models for name in model.names})
        codes = {name: place for place, name in enumerate(names)}
        for rank in range(outcomes[0].shape[1]):
            of_context = np.array(
                [codes.get(name, len(names)) for name in outcomes[0][:, rank]], dtype=np.int64
            )
            found = np.where(over, len(names), of_context[asked])
            columns[f"next_{rank + 1}"] = _table.named(found, [*names, None])
            chance = outcomes[1][asked, rank].astype(np.float64)
            columns[f"probability_{rank + 1}"] = _table.nullable(np.where(over, np.nan, chance))
        shares = frozenset(name for name in columns if name.startswith("probability"))
        table = kept.beside(_table.table_of(columns))
        return ResultTable(table, self.definition, self.timezone, shares=shares)

    def explain(self, customer: object) -> Explanation:
        """Why is this foreseen for a customer?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        Explanation
            One row an event, with what the model makes of it, and what it foresees next.
        """
        spec, log = cast("NextEvents", Spec.from_json(self.spec)), self._asked()
        alone = one_customer(log, customer)
        chain = spec.chain(log)
        events = alone.core.events_table(["time", chain["column"]])
        times = events.numpy("time")[0].astype(np.int64)
        until = log.observed_until_us + 1 if chain["at_us"] is None else chain["at_us"]
        gap = chain["gap_us"]
        names = [
            "(missing)" if name is None else str(name) for name in events.numpy(chain["column"])[0].tolist()
        ]
        decisions: list[Said] = []
        context: list[str] = [_START]
        for place, (name, time) in enumerate(zip(names, times.tolist(), strict=True)):
            if time >= until:
                decisions.append(Said("at or after the cut-off: not looked at"))
                continue
            pause = time - times[place - 1] if place else 0
            if not place or (gap is not None and pause > gap):
                text = "a journey begins after {pause}" if place else "a journey begins"
                decisions.append(Said(text, pause=Span(int(pause))))
                context = [_START]
            else:
                decisions.append(Said("followed {path}", path=_way(context[-int(chain["order"]) :])))
            context.append(name)
        known = times[times < until]
        if not len(known):
            said = [Said("No event before the cut-off.")]
            return explanation(alone, customer, decisions, said, self.definition)
        if gap is not None and until - 1 - known[-1] > gap:
            rest = Span(int(until - 1 - known[-1]))
            said = [Said("The journey is over: {span} without an event.", span=rest)]
            return explanation(alone, customer, decisions, said, self.definition)
        own = self.of_customers(top=1).table if len(self._models) > 1 else None
        segment = None if own is None else _segment_of(own, customer)
        model = self._models[0] if own is None else self._model(segment)
        chance, used = model.after(context)
        best = np.argsort(-chance, kind="stable")[:3]
        likely = [
            Said("{event} ({share})", event=model.names[place], share=Share(float(chance[place])))
            for place in best
        ]
        looked = _way(context[len(context) - used :]) if used else Said("no event: order 0")
        said = [
            Said("The model looks at {path}.", path=looked),
            Said("Likeliest next: {events}.", events=Listed(likely)),
        ]
        return explanation(alone, customer, decisions, said, self.definition)

    def _model(self, segment: str | None) -> _Model:
        found = {model.segment: model for model in self._models}
        if segment not in found:
            raise ArgumentError(
                f"segment={segment!r} is not a segment of this result (available: "
                f"{_args.listing(str(each) for each in found)})"
            )
        return found[segment]

    def _segments(self, models: Sequence[_Model]) -> dict[str, object]:
        """The column of segments, where there are some."""
        if "segment" not in self.columns:
            return {}
        return {"segment": np.array([model.segment for model in models], dtype=object)}


def _way(names: Sequence[str]) -> Listed:
    """A path for a sentence; it reads as `path_text` writes it."""
    return Listed([path_text([name]) for name in names], " > ")


@dataclass(frozen=True, slots=True)
class NextEvents(Spec[NextEventsResult]):
    """The question of `EventLog.next_events`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.NextEvents(order=2).order
    2
    """

    analysis: ClassVar[str] = "next_events"

    at: Instant | None = None
    _: KW_ONLY
    order: int = _MOST_ORDER
    gap: Duration | None = "30d"
    column: str = "event"
    held_out: float = 0.2
    alpha: float = 0.05
    seed: int = 0
    by: str | None = None

    def __post_init__(self) -> None:
        if self.at is not None:
            object.__setattr__(self, "at", _args.instant(self.at, "at"))
        if _args.whole(self.order, "order") > _MOST_ORDER:
            raise ArgumentError(f"order={self.order!r}; expected 1 to {_MOST_ORDER}, the events to look back")
        if self.gap is not None:
            object.__setattr__(self, "gap", _args.duration(self.gap, "gap"))
        _args.text(self.column, "column")
        _args.share(self.held_out, "held_out")
        _args.share(self.alpha, "alpha")
        _args.whole(self.seed, "seed", least=0, most=2**64 - 1)
        if self.by is not None:
            _args.text(self.by, "by")

    def chain(self, log: Log) -> dict[str, Any]:
        """The part of a kernel's plan that says what follows what."""
        return {
            "column": self.column,
            "at_us": None if self.at is None else _cutoffs.cutoffs_us(self.at, log)[0],
            "gap_us": None if self.gap is None else _args.microseconds(self.gap),
            "order": self.order,
        }

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        _args.known_segment(self.by, log.columns, log.roles)
        if self.column != "event":
            _args.known_columns_of_log([self.column], log.columns, "column")
        params = {
            "chain": self.chain(log),
            "held_out": self.held_out,
            "seed": self.seed,
            "max_cells": _MOST_CELLS,
        }
        return {"params": params, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> NextEventsResult:
        """The models of the kernel's counts."""
        if not partial.num_rows:
            raise DataError("nothing follows anything: no customer has an event before the cut-off")
        segment, labels = _table.segments(partial)
        models = tuple(
            self._model(partial, np.flatnonzero(segment == place), label)
            for place, label in enumerate(labels)
        )
        return NextEventsResult(
            _table_of_models(models, by_segment=self.by is not None),
            self._definition(log, models),
            log.timezone,
            self.to_json(),
            shares=frozenset({"probability"}),
            _models=models,
        )

    def _model(self, partial: Table, rows: Integers, segment: str | None) -> _Model:
        columns = ["next", *(f"before_{back + 1}" for back in range(self.order))]
        symbols = {name: _symbols(partial, name, rows) for name in columns}
        # Outcomes of all customers: a name that only those held out have is possible too.
        codes, texts = symbols["next"]
        outcomes = sorted({name for code in np.unique(codes).tolist() if (name := texts[code]) is not None})
        names = (*outcomes, _START)
        code: dict[str | None, int] = {name: place for place, name in enumerate(names)}
        coded = {
            name: np.array([code.get(text, -1) for text in texts], dtype=np.int64)[codes]
            for name, (codes, texts) in symbols.items()
        }
        cells = Cells(
            _table.integers(partial, "part")[rows],
            coded["next"],
            np.column_stack([coded[name] for name in columns[1:]]),
            _table.integers(partial, "events")[rows],
        )
        tree = tree_of(cells, len(outcomes), self.alpha)
        losses = tuple(tree.losses())
        chosen = best_loss(losses)
        return _Model(segment, names, tree, losses, chosen, tuple(tree.kept(chosen.order)))

    def _definition(self, log: Log, models: Sequence[_Model]) -> Said:
        whole = Said(
            "A context is the last events of a customer, up to {order} of them; probability is Witten and Bell's "
            "interpolation of what followed it with what followed shorter contexts, down to equal chances.",
            order=self.order,
        )
        ends = (
            Said("Journeys do not end, and the last event of a customer leads nowhere.")
            if self.gap is None
            else Said(
                "A journey ends, which is an outcome of its own, with a pause longer than {gap}; a last event that is "
                "not that long ago is open and leads nowhere.",
                gap=Length(self.gap),
            )
        )
        cut = None
        if self.at is not None:
            moment = _args.local_datetime(_cutoffs.cutoffs_us(self.at, log)[0], log.timezone)
            cut = Said("Events at or after {moment} are not looked at.", moment=Moment(moment))
        judged = Said(
            "Contexts are kept where they tell more than shorter ones (likelihood ratio, false discoveries {alpha} at "
            "most); the order is chosen by the log loss on {share} of the customers, who are not learnt from.",
            alpha=f"{self.alpha:g}",
            share=f"{self.held_out:.0%}",
        )
        verdict = _verdict(models[0]) if self.by is None else None
        return paragraph(
            whole, ends, cut, judged, verdict, segments(self.by, Said("at the first event of the journey"))
        )


def _verdict(model: _Model) -> Said:
    """Which order was chosen, in a sentence."""
    if not model.chosen.events:
        return Said("Nobody is held out, so that no order can be judged: order 0 is used.")
    if model.chosen.order == 0:
        return Said(
            "No order is better than order 0 by more than chance: the last events do not tell what comes next."
        )
    return Said(
        "Order {order} is used: its loss is {loss} nats an event, that of order 0 {plain}.",
        order=model.chosen.order,
        loss=f"{model.chosen.loss:.3f}",
        plain=f"{model.losses[0].loss:.3f}",
    )


def _symbols(partial: Table, name: str, rows: Integers) -> tuple[Integers, list[str | None]]:
    """Codes and names of a column of the partial, None where a journey had not begun."""
    codes, texts = partial.codes(name)
    return codes[rows], texts


def _table_of_models(models: Sequence[_Model], *, by_segment: bool) -> Table:
    """One row a kept context and outcome that was seen, the commonest contexts first."""
    rows: list[tuple[str | None, str, int, str, int, int, float]] = []
    for model in models:
        found = []
        for length, stays in enumerate(model.kept):
            level = model.tree.levels[length]
            texts = {node: path_text(model.context(length, node)) for node in np.flatnonzero(stays).tolist()}
            used = np.flatnonzero(stays[level.edge_node] & (level.edge_events > 0))
            of_edge = (level.edge_node, level.edge_outcome, level.edge_events, level.edge_chance)
            for node, outcome, events, chance in zip(*(each[used].tolist() for each in of_edge), strict=True):
                found.append(
                    (
                        model.segment,
                        texts[node],
                        length,
                        model.names[outcome],
                        events,
                        int(level.events[node]),
                        chance,
                    )
                )
        rows += sorted(found, key=lambda row: (-row[5], row[2], row[1], -row[4], row[3]))
    names = ("segment", "context", "length", "next", "events", "of", "probability")
    kinds = (object, object, np.int64, object, np.int64, np.int64, np.float64)
    columns: dict[str, object] = {
        name: np.array([row[place] for row in rows], dtype=kind)
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if name != "segment" or by_segment
    }
    return _table.table_of(columns)


def _hits(tree: ContextTree, kept: Sequence[Array]) -> tuple[dict[int, int], int]:
    """How often what came next was among the likeliest, and how often anything came, for customers held out."""
    held = np.flatnonzero(tree.cells.part > 0)
    length, node = (each[held] for each in tree.longest(kept))
    outcome, weight = tree.cells.outcome[held], tree.cells.events[held]
    hits = dict.fromkeys(_TOPS, 0)
    for of_length, nodes, chances in tree.distributions(kept):
        here = np.flatnonzero((length == of_length) & (node >= nodes[0]) & (node <= nodes[-1]))
        likeliest = _first(chances, max(_TOPS))[np.searchsorted(nodes, node[here])]
        for top in _TOPS:
            among = (likeliest[:, :top] == outcome[here, None]).any(axis=1)
            hits[top] += int(weight[here][among].sum())
    return hits, int(weight.sum())


def _first(chances: Floats, top: int) -> Integers:
    """The likeliest outcomes of each row; of equally likely ones, the first by name."""
    if top < chances.shape[1]:
        # Only what is no less likely than the last of them has to be sorted.
        least = np.partition(chances, chances.shape[1] - top, axis=1)[:, chances.shape[1] - top]
        row, column = np.nonzero(chances >= least[:, None])
        order = np.lexsort((column, -chances[row, column], row))
        starts = np.searchsorted(row, np.arange(len(chances)))
        chosen: Integers = column[order][starts[:, None] + np.arange(top)]
        return chosen
    return np.argsort(-chances, axis=1, kind="stable")


def _likeliest(model: _Model, top: int) -> tuple[dict[tuple[str, ...], int], Array, Floats]:
    """The place of every kept context, and its likeliest outcomes with their probabilities; None beyond the last."""
    contexts: dict[tuple[str, ...], int] = {}
    outcomes = np.array(model.names, dtype=object)
    parts = []
    for length, nodes, chances in model.tree.distributions(model.kept):
        for node in nodes:
            contexts[tuple(model.context(length, int(node)))] = len(contexts)
        order = _first(chances, top)
        parts.append((outcomes[order], np.take_along_axis(chances, order, axis=1)))
    names = np.full((len(contexts), top), None, dtype=object)
    probability = np.full((len(contexts), top), np.nan)
    for given, filled in zip((names, probability), zip(*parts, strict=True), strict=True):
        found = np.concatenate(filled)
        given[:, : found.shape[1]] = found
    return contexts, names, probability


def _longest(context: tuple[str, ...], known: dict[tuple[str, ...], int]) -> int:
    """The place of the longest known context that these events end with."""
    return next(known[context[back:]] for back in range(len(context) + 1) if context[back:] in known)


def _segment_of(rows: Table, customer: object) -> str | None:
    codes, labels = rows.codes("segment")
    place = rows.numpy("customer")[0].tolist().index(customer)
    return labels[int(codes[place])]


def next_events(
    log: Log,
    at: Instant | None = None,
    *,
    order: int = _MOST_ORDER,
    gap: Duration | None = "30d",
    column: str = "event",
    held_out: float = 0.2,
    alpha: float = 0.05,
    seed: int = 0,
    by: str | None = None,
) -> NextEventsResult:
    """What does a customer do next, given the last events?

    Parameters
    ----------
    at
        The cut-off: events at or after it are not looked at. By default all events are.
    order
        How many events a context looks back at most, 1 to 5.
    gap
        A longer pause ends a journey, which is the outcome ``(end)``; 30 days by default. With None journeys never end.
    column
        The column whose values follow one another: ``"event"`` (default), ``"channel"`` or an attribute. A missing
        value is ``(missing)``.
    held_out
        The share of the customers that the orders are judged by; they are chosen by their ids and `seed`, so that the
        choice does not depend on the order of the data.
    alpha
        The share of kept contexts that may tell no more than shorter ones, 0.05 by default: lower keeps fewer.
    seed
        Another number holds out other customers.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each journey belongs to the value at its
        first event, and each segment has a model of its own.

    Returns
    -------
    NextEventsResult
        One row a context of the chosen model and outcome seen after it: ``segment`` (only with `by`), ``context``,
        ``length``, ``next``, ``events``, ``of``, ``probability``. `NextEventsResult.losses` compares the orders,
        `NextEventsResult.predict` and `NextEventsResult.of_customers` foresee.

    Notes
    -----
    After a context h seen n times with T different outcomes, the probability of w is (c(h, w) + T · P(w | h')) / (n +
    T), where h' is h without its oldest event and the shortest one has equal chances for all outcomes of the log
    (Witten and Bell 1991, doi:10.1109/18.87000). The beginning of the journey, ``(start)``, is part of a context that
    reaches back to it. A context is kept where what followed it differs from what followed h', false discoveries among
    all contexts tested being `alpha` at most (Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x), or
    where a longer one is kept. The p-value is twice the lesser of two: from five events on, of the G test (twice n
    times the Kullback–Leibler divergence, the gain of R's ``PST``: Gabadinho and Ritschard 2016,
    doi:10.18637/jss.v072.i03; χ² with one degree of freedom less than h' has outcomes); and, valid for any number of
    events and outcomes, the inverse of an e-value (Vovk and Wang 2021, doi:10.1214/20-AOS2020): the likelihood of a
    Dirichlet mixture of weight 1 around h' divided by that of h'. So nothing is kept that was seen once. Among the
    pruned models whose gain over order 0 is beyond chance, the shortest is used whose loss is not beyond chance above
    the least; if there is none, order 0. The loss of the order was used to choose it, so it is a little too good. The
    model says what tends to follow, not why.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [who for who in range(60) for _ in range(4)],
    ...         "when": [f"2026-03-0{day}" for _ in range(60) for day in (1, 2, 3, 4)],
    ...         "what": ["view", "cart", "view", "cart"] * 60,
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> found = log.next_events(order=2)
    >>> found.predict("view", top=1).to_dict()["next"]
    ['cart']
    """
    return NextEvents(
        at, order=order, gap=gap, column=column, held_out=held_out, alpha=alpha, seed=seed, by=by
    ).run(log)
