"""A fitted model with its report: scores of customers, reasons, drift, and a file to keep it in."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

import numpy as np

from safar import _args, _table
from safar._core import Table, __version__
from safar._log import Log
from safar._typing import Array, Floats, Frame, Instant
from safar.analyses import Spec
from safar.analyses.features import Features
from safar.errors import ArgumentError, ArgumentTypeError, DataError, FileError
from safar.models.prediction import metrics
from safar.models.prediction.campaign import CampaignResult, Limits, campaign_of
from safar.models.prediction.cases import columns_of
from safar.models.prediction.checks import Check, checks
from safar.models.prediction.encoding import Encoder
from safar.models.prediction.estimators import Calibrator, Linear, Predictor, few_threads, foreign
from safar.models.prediction.evaluation import BANDS, Evaluation, band_of
from safar.models.prediction.metrics import Profit
from safar.models.prediction.reasons import How, contributions, method_of
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar.log import EventLog

__all__ = ["PredictionModel", "PredictionReport", "ScoresResult"]

Unseen: TypeAlias = Literal["told", "error"]

# Features that reasons are looked for in, the most important first.
_REASONED = 12
_DRIFTED = 0.25


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PredictionReport:
    """How well a model foresees what it has not seen.

    Parameters
    ----------
    definition
        What is foreseen, and how it was judged.
    verdict
        Whether the model beats the rule.
    checks
        What was looked at to find out whether the model saw the future, one row a check: ``check``, ``passed``,
        ``found``.
    folds
        One row a judged part: rows learnt from, cases, area under the ROC curve with DeLong's interval, average
        precision, Brier score and skill, log loss, calibration, Kolmogorov-Smirnov, lift of the top tenth, expected
        maximum profit, the area of the rule and the paired difference, the area over customers that were not learnt
        from.
    gains
        The share of the true cases among the highest scores, in the latest part, in steps of 5 %.
    contacts
        The same at each different score: ``contacted`` (share of the customers), ``customers``, ``true`` (cases among
        them), ``captured`` (of all true cases), ``precision`` with its Wilson interval ``precision_low``,
        ``precision_high``, ``lift``, ``profit`` (for each customer of the part) and ``best`` (where that is highest).
    calibration
        Predicted and observed shares, by tenths of the cases.
    bands
        What came to pass in each band.
    importance
        What is lost of the area when a feature is shuffled.
    remarks
        What else is to be known.
    """

    definition: str
    verdict: str
    checks: ResultTable
    folds: ResultTable
    gains: ResultTable
    contacts: ResultTable
    calibration: ResultTable
    bands: ResultTable
    importance: ResultTable
    remarks: tuple[str, ...]

    analysis: ClassVar[str] = "prediction"

    def __repr__(self) -> str:
        failed = [found for passed, found in self._checked() if not passed]
        warned = [f"Warning: {found}" for found in failed]
        return "\n".join([self.verdict, *warned, *self.remarks, self.definition])

    def _repr_html_(self) -> str:
        said = "".join(f'<p dir="auto">{escape(text)}</p>' for text in (self.verdict, *self.remarks))
        tables = (self.checks, self.folds, self.bands, self.importance)
        return f'<div class="safar-report">{said}{"".join(table._repr_html_() for table in tables)}</div>'

    def _checked(self) -> list[tuple[bool, str]]:
        rows = self.checks.to_dict()
        return list(zip(rows["passed"], rows["found"], strict=True))

    def plot(self, **options: Any) -> ChartType:
        """Gains and calibration as a chart; the options are those of `safar.plot.prediction`."""
        # Charts stand above results, so they are looked up when one is asked for.
        from importlib import import_module

        chart: ChartType = import_module("safar.plot").prediction(self, **options)
        return chart


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ScoresResult(ResultTable):
    """How likely is it for each customer, and why?

    Parameters
    ----------
    table
        One row a customer, the likeliest first: ``customer``, ``at`` (the cut-off; not of a frame), ``probability``,
        ``band`` (``"high"``, ``"medium"`` or ``"low"``), ``rank`` (from 1; customers of one probability share the
        least) and ``reason_1``, ``reason_2`` … (features that raise it most, with their values). Where some customers
        have a category that the model has not seen: ``unseen`` (the columns; null of the others).
    """

    _: KW_ONLY
    # What the scores come from.
    _model: PredictionModel
    _columns: Mapping[str, Array]
    _how: How

    def campaign(
        self,
        profit: Profit,
        *,
        capacity: float | None = None,
        budget: float | None = None,
        values: Mapping[object, float] | None = None,
    ) -> CampaignResult:
        """Whom to contact, with so many contacts or so much money, and what will it bring?

        Parameters
        ----------
        profit
            What a customer is worth, what an offer and a contact cost, and which share of those who would leave takes
            the offer: `safar.Profit`. Of leads, who take an offer only where they buy, give ``offer=0`` and take it off
            the value; `accept` is then the share of them who buy because of the contact.
        capacity
            How many customers can be contacted at most: a whole number, or a share such as 0.1. By default all.
        budget
            What contacts and offers may cost together, as expected, in the currency of `profit`. By default anything.
        values
            What each customer is worth, by id, in place of ``profit.value``, such as its lifetime value. Customers that
            are not in it, or whose value is null, are left out and counted.

        Returns
        -------
        CampaignResult
            One row a customer to contact, the best first: ``customer``, ``probability``, ``value``, ``expected_gain``
            (of contacting it, all costs taken off), ``expected_cost`` (of the contact and the offer), ``gain_so_far``
            and ``cost_so_far`` (with all above). Whom to contact costs more than it brings has no row.

        Notes
        -----
        The gain of a contact is that of Verbraken, Verbeke and Baesens (2013, doi:10.1109/TKDE.2012.50), with the
        probability of the customer: ``p · a · (value − offer) − (1 − p) · offer − contact``, where a is the mean of
        ``profit.accept``. The best are those with the greatest gain; with a `budget`, those with the greatest gain for
        what they cost. Of equal ones the likelier comes first, then the first by id, so that the order of rows says
        nothing. Intervals: of the cases, for independent customers whose probabilities are right (Poisson's binomial
        distribution, above 2,000 a normal one); of the profit, over the distribution of the share that accepts.

        Examples
        --------
        >>> import safar
        >>> log = safar.datasets.shop(600).log()
        >>> model = safar.churn(log, predict="45d", observe="90d", estimator="logistic")
        >>> costs = safar.Profit(value=200, offer=10, contact=1)
        >>> chosen = model.score(log).campaign(costs, capacity=50)
        >>> len(chosen), chosen.stopped_by
        (50, 'capacity')
        """
        if not isinstance(profit, Profit):
            raise ArgumentTypeError(
                f"profit={profit!r} is a {type(profit).__name__}; expected what a campaign costs and brings, "
                "safar.Profit(value=…, offer=…, contact=…)"
            )
        return campaign_of(
            self.table, profit, Limits(capacity, budget), values, self.definition, self.timezone
        )

    def explain(self, customer: object) -> ResultTable:
        """What do the features add to a customer's score?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        ResultTable
            One row a feature, that with the largest effect first: ``feature``, ``value`` (as text), ``typical`` (median
            or commonest category in the rows learnt from), ``adds`` (to the logit before calibration, by the method
            that the reasons were found with).
        """
        ids = self.table.numpy("customer")[0]
        rows = np.flatnonzero(ids == customer)
        if not len(rows):
            raise ArgumentError(
                f"customer={customer!r} has no score among these {len(ids):,}; ids are compared as the data give them"
            )
        predictor = self._model.predictor
        one = {name: values[rows[:1]] for name, values in self._columns.items()}
        names = predictor.encoder.names
        adds = contributions(predictor, one, names, self._how)[0]
        typical = predictor.encoder.typical()
        order = np.argsort(-np.abs(adds), kind="stable")
        method = method_of(predictor, self._how)
        columns: dict[str, object] = {
            "feature": np.array([names[place] for place in order], dtype=object),
            "value": np.array([_words(one[names[place]][0]) for place in order], dtype=object),
            "typical": np.array([_words(typical[names[place]][0]) for place in order], dtype=object),
            "adds": adds[order],
        }
        return ResultTable(
            _table.table_of(columns), f"What each feature adds to the logit ({method}).", self.timezone
        )


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PredictionModel:
    """A model that foresees something of each customer; `safar.churn` and `safar.leads` fit one.

    Parameters
    ----------
    definition
        What is foreseen.
    report
        How well it does so; None of a model that was read from a file.
    """

    definition: str
    report: PredictionReport | None
    predictor: Predictor
    # What a log is asked for; none where the model was fitted to a frame.
    features: Features | None
    timezone: str
    # Where the bands begin, and how scores and features were spread then.
    limits: tuple[float, ...]
    spread: Mapping[str, tuple[float, ...]]
    important: tuple[str, ...]

    def __repr__(self) -> str:
        head = f"PredictionModel: {len(self.predictor.encoder.names)} features"
        return f"{head}\n{self.definition if self.report is None else repr(self.report)}"

    def _repr_html_(self) -> str:
        if self.report is None:
            return f'<p dir="auto">{escape(self.definition)}</p>'
        return self.report._repr_html_()

    def score(
        self,
        data: EventLog | Frame,
        *,
        at: Instant | None = None,
        key: str | None = None,
        reasons: int = 3,
        how: How = "replacement",
        unseen: Unseen = "told",
    ) -> ScoresResult:
        """How likely is it for each customer?

        Parameters
        ----------
        data
            A log, or a frame with the columns that the model was fitted to.
        at
            Of a log: the cut-off; by default the instant after the end of the data, for scores of today.
        key
            Of a frame: the column with the customers' ids; by default rows are numbered.
        reasons
            How many features are named that raise the score most; 0 is fastest.
        how
            How reasons of a machine that is not linear are found: ``"replacement"`` (default; any machine, the change
            of the logit when the feature is typical) or ``"paths"`` (boosted trees; Shapley values over the paths of
            the trees, which add up; needs ``pip install "safar[shap]"`` and about four times as long). Those of the
            logistic regression are exact.
        unseen
            A category that nobody had when the model learnt: ``"told"`` (default) counts it as none of the known ones
            and names the column beside the score, ``"error"`` refuses it.

        Returns
        -------
        ScoresResult
            One row a customer, the likeliest first.

        Raises
        ------
        DataError
            If the data lack a column that the model was fitted to, or have it in another type; with
            ``unseen="error"``, if they have a category that it has not seen.
        ArgumentError
            If ``how="paths"`` is asked of another machine than boosted trees, or its library is not installed.
        """
        _args.whole(reasons, "reasons", least=0)
        _args.choice(how, "how", How)
        _args.choice(unseen, "unseen", Unseen)
        ids, cutoff, columns = (
            self._of_log(cast("EventLog", data), at) if isinstance(data, Log) else self._of_frame(data, key)
        )
        if unseen == "error":
            _refuse_strangers(self.predictor.encoder.unseen(columns), columns)
        with few_threads(len(ids) * len(columns)):
            probability = self.predictor(columns)
        order = np.argsort(-probability, kind="stable")
        found: dict[str, object] = {"customer": ids[order]}
        if cutoff is not None:
            found["at"] = _table.instants(cutoff[order])
        ordered = probability[order]
        found["probability"] = ordered
        found["band"] = np.array(BANDS, dtype=object)[band_of(ordered, np.array(self.limits))]
        found["rank"] = np.searchsorted(-ordered, -ordered, side="left") + 1
        sorted_columns = {name: values[order] for name, values in columns.items()}
        with few_threads(len(ids) * len(columns)):
            found |= self._reasons(sorted_columns, reasons, how)
        definition = self.definition
        if strange := self.predictor.encoder.unseen(sorted_columns):
            found["unseen"], told = _of_strangers(strange)
            definition = f"{definition} {told}"
        return ScoresResult(
            _table.table_of(found), definition, self.timezone, shares=frozenset({"probability"}),
            _model=self, _columns=sorted_columns, _how=how,
        )  # fmt: skip

    def _of_log(self, log: EventLog, at: Instant | None) -> tuple[Array, Array | None, dict[str, Array]]:
        if self.features is None:
            raise ArgumentError(
                "the model was fitted to a frame, and can't know its columns of a log; score a frame"
            )
        result = replace(self.features, at=at).run(log)
        if not len(result):
            raise DataError(
                f"no customer is of the population at the cut-off: {result.definition}; choose another one with at="
            )
        return result.table.numpy("customer")[0], result.table.numpy("at")[0], columns_of(result)

    def _of_frame(self, data: Frame, key: str | None) -> tuple[Array, None, dict[str, Array]]:
        from safar.models.prediction.frames import frame_columns

        table = _table.to_table(data)
        if key is not None:
            _args.known_columns([key], table.names)
        known = [name for name in self.predictor.encoder.names if name in table.names]
        ids = np.arange(len(table)) if key is None else table.numpy(key)[0]
        return ids, None, {name: frame_columns(table, name) for name in known}

    def _reasons(self, columns: Mapping[str, Array], number: int, how: How) -> dict[str, object]:
        names = list(self.important[:_REASONED])
        if not number or not names:
            return {}
        adds = contributions(self.predictor, columns, names, how)
        order = np.argsort(-adds, axis=1, kind="stable")[:, :number]
        found: dict[str, object] = {}
        for place in range(order.shape[1]):
            chosen = order[:, place]
            raising = adds[np.arange(len(adds)), chosen] > 0
            texts = np.empty(len(chosen), dtype=object)
            for feature, name in enumerate(names):
                rows = np.flatnonzero((chosen == feature) & raising)
                texts[rows] = [f"{name} = {_words(value)}" for value in columns[name][rows].tolist()]
            found[f"reason_{place + 1}"] = texts
        return found

    def drift(self, scores: ScoresResult) -> ResultTable:
        """How far have scores and features moved since the model was fitted?

        Parameters
        ----------
        scores
            Scores of this model, of today.

        Returns
        -------
        ResultTable
            One row for the score and each important feature that is a number: ``what``, ``stability_index`` (population
            stability index over tenths of then), ``moved`` (above 0.25, a rule of thumb), ``median_then``,
            ``median_now``.
        """
        now = {"score": scores.table.numpy("probability")[0]} | dict(scores._columns)
        rows = []
        for name, then in self.spread.items():
            before = np.array(then)
            after = now[name][~np.isnan(now[name])] if name in now else np.empty(0)
            index = metrics.stability_index(before, after)
            rows.append((name, index, _median(before), _median(after)))
        columns: dict[str, object] = {
            "what": np.array([row[0] for row in rows], dtype=object),
            "stability_index": _table.nullable(np.array([row[1] for row in rows])),
            "moved": _table.nullable(
                np.array([row[1] > _DRIFTED for row in rows]), np.isnan([row[1] for row in rows])
            ),
            "median_then": _table.nullable(np.array([row[2] for row in rows])),
            "median_now": _table.nullable(np.array([row[3] for row in rows])),
        }
        definition = "Population stability index of the rows that the model was calibrated with and of these."
        return ResultTable(_table.table_of(columns), definition, self.timezone)

    def save(self, path: str | Path) -> None:
        """Keep the model in a file.

        Parameters
        ----------
        path
            The file, a zip archive: JSON for all that is safar's own, and the classifiers of scikit-learn as skops
            writes them (``pip install "safar[skops]"``); nothing is pickled.
        """
        machine = self.predictor.machine
        note: dict[str, Any] = {
            "format": 1,
            "safar": __version__,
            "definition": str(self.definition),
            "features": None if self.features is None else self.features.to_json(),
            "timezone": self.timezone,
            "limits": list(self.limits),
            "spread": {name: list(values) for name, values in self.spread.items()},
            "important": list(self.important),
            "encoder": self.predictor.encoder.to_dict(),
            "calibrator": asdict(self.predictor.calibrator),
            "remarks": list(self.predictor.remarks),
            "linear": machine.to_dict() if isinstance(machine, Linear) else None,
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.json", json.dumps(note, ensure_ascii=False))
            if not isinstance(machine, Linear):
                archive.writestr("classifier.skops", _skops().dumps(machine.machine))

    @classmethod
    def load(cls, path: str | Path) -> PredictionModel:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        FileError
            If it is no such file, or holds anything but a classifier of scikit-learn.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                note = json.loads(archive.read("model.json"))
                written = archive.read("classifier.skops") if note["linear"] is None else b""
        except (zipfile.BadZipFile, KeyError, OSError, json.JSONDecodeError) as problem:
            raise FileError(f"{path} is no model that safar wrote: {problem}") from None
        if note["format"] != 1:
            raise FileError(
                f"{path} is a model of format {note['format']}; this version of safar reads format 1"
            )
        machine = (
            Linear.of_dict(note["linear"]) if note["linear"] is not None else foreign(_read(written, path))
        )
        calibrator = note["calibrator"]
        points = calibrator["points"]
        predictor = Predictor(
            Encoder.of_dict(note["encoder"]),
            machine,
            Calibrator(
                calibrator["method"],
                None if points is None else (tuple(points[0]), tuple(points[1])),
                None if calibrator["curve"] is None else tuple(calibrator["curve"]),
            ),
            tuple(note["remarks"]),
        )
        features = None if note["features"] is None else cast("Features", Spec.from_json(note["features"]))
        spread = {name: tuple(values) for name, values in note["spread"].items()}
        return cls(
            note["definition"], None, predictor, features, note["timezone"], tuple(note["limits"]), spread,
            tuple(note["important"]),
        )  # fmt: skip


def _skops() -> Any:
    try:
        import skops.io
    except ImportError:
        raise ArgumentError(
            'a classifier of scikit-learn is kept by the library "skops", which is not installed: pip install '
            '"safar[skops]"; estimator="logistic" needs nothing'
        ) from None
    return skops.io


def _read(written: bytes, path: str | Path) -> Any:
    skops = _skops()
    unknown = [
        name
        for name in skops.get_untrusted_types(data=written)
        if not name.startswith(("sklearn.", "numpy."))
    ]
    if unknown:
        raise FileError(
            f"{path} holds {_args.listing(unknown)}, which is no part of scikit-learn; it is not read, because it "
            "could run code"
        )
    return skops.loads(written, trusted=skops.get_untrusted_types(data=written))


def _of_strangers(strange: Mapping[str, Array]) -> tuple[Array, str]:
    """The columns in which each row has a category that was not seen, and what is to be known of it."""
    masks = np.column_stack(list(strange.values()))
    named = np.array([None] * len(masks), dtype=object)
    for row in np.flatnonzero(masks.any(axis=1)).tolist():
        named[row] = ", ".join(name for name, own in zip(strange, masks[row].tolist(), strict=True) if own)
    number = int(masks.any(axis=1).sum())
    return named, (
        f"{number:,} customer{' has' if number == 1 else 's have'} a category that the model has not seen (unseen "
        "names the columns); it counts as none of the known ones."
    )


def _refuse_strangers(strange: Mapping[str, Array], columns: Mapping[str, Array]) -> None:
    for name, rows in strange.items():
        first = int(np.argmax(rows))
        raise DataError(
            f'column "{name}", row {first}: {columns[name][first]!r} is no category that the model has seen '
            f'({int(rows.sum()):,} rows have such); fit it anew, or take unseen="told", which counts them as none of '
            "the known ones and says so"
        )


def _words(value: object) -> str:
    if value is None or value != value:
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else np.nan


def reported(
    evaluation: Evaluation, definition: str, timezone: str, remarks: tuple[str, ...], seed: int
) -> PredictionReport:
    """The report of an evaluation."""
    found: list[Check] = checks(evaluation)
    table: Table = _table.table_of(
        {
            "check": np.array([each.check for each in found], dtype=object),
            "passed": np.array([each.passed for each in found]),
            "found": np.array([each.found for each in found], dtype=object),
        }
    )
    return PredictionReport(
        definition=definition,
        verdict=evaluation.verdict(),
        checks=ResultTable(table, definition, timezone),
        folds=evaluation.folds(definition, timezone),
        gains=evaluation.gains(definition, timezone),
        contacts=evaluation.contacts(definition, timezone),
        calibration=evaluation.calibration(definition, timezone),
        bands=evaluation.banded(definition, timezone),
        importance=evaluation.importance(definition, timezone, seed),
        remarks=remarks,
    )
