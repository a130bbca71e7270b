//! Likelihoods and scores of models over many customers, and the sorted list that finds them by name.

mod bg_bb;
mod bg_nbd;
mod dual;
mod gamma_gamma;
mod group;
mod lifetime;
mod memory;
mod model;
mod pareto_nbd;
mod table;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result, did_you_mean};
use crate::pool::{Cancel, on_pool};
use crate::table::Table;

use bg_bb::BgBb;
use bg_nbd::{BgNbd, MbgNbd};
use gamma_gamma::{MeanValues, Spending};
use memory::Memory;
use model::{Effect, Model, PARAMETERS, each, likelihood};
use pareto_nbd::ParetoNbd;
use table::{customers, numbers, spending, table};

type Scorer = fn(&Table, Value, &Cancel) -> Result<Table>;

/// Everything that can be computed of customers, by name, sorted.
pub const SCORES: &[(&str, Scorer)] = &[
    ("bg_bb", scores::<BgBb>),
    ("bg_bb_customer_value", lifetime::customer_value::<BgBb>),
    ("bg_bb_likelihood", likelihood_of::<BgBb>),
    ("bg_nbd", scores::<BgNbd>),
    ("bg_nbd_customer_value", lifetime::customer_value::<BgNbd>),
    ("bg_nbd_likelihood", likelihood_of::<BgNbd>),
    ("gamma_gamma", expected_values),
    ("gamma_gamma_likelihood", gamma_gamma_likelihood),
    ("group", group::group),
    ("group_values", group::group_values),
    ("mbg_nbd", scores::<MbgNbd>),
    ("mbg_nbd_customer_value", lifetime::customer_value::<MbgNbd>),
    ("mbg_nbd_likelihood", likelihood_of::<MbgNbd>),
    ("pareto_nbd", scores::<ParetoNbd>),
    ("pareto_nbd_customer_value", lifetime::customer_value::<ParetoNbd>),
    ("pareto_nbd_likelihood", likelihood_of::<ParetoNbd>),
];

/// Computes what a name of the list stands for.
pub fn score(table: &Table, name: &str, params_json: &str, cancel: &Cancel) -> Result<Table> {
    let found = SCORES.iter().find(|(known, _)| *known == name);
    let (_, scorer) = found.ok_or_else(|| {
        let names = SCORES.iter().map(|(known, _)| *known);
        Error::Argument(format!(
            "\"{name}\" is not a score{} (available: {})",
            did_you_mean(name, names.clone()),
            names.collect::<Vec<_>>().join(", ")
        ))
    })?;
    let params = serde_json::from_str(params_json);
    let params = params.map_err(|error| Error::Argument(format!("the parameters are no JSON: {error}")))?;
    on_pool(|| scorer(table, params, cancel))
}

/// Parameters of a score from their JSON.
fn read<P: DeserializeOwned>(params: Value, name: &str) -> Result<P> {
    serde_json::from_value(params)
        .map_err(|error| Error::Argument(format!("{name}: the parameters are not valid: {error}")))
}

/// Columns that act on parameters of a model, with the coefficients of each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acting {
    column: String,
    on: [f64; PARAMETERS],
    coefficient: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LikelihoodParams {
    /// Logarithms of the parameters.
    logarithms: [f64; PARAMETERS],
    #[serde(default)]
    effects: Vec<Acting>,
}

/// The log-likelihood of weighted rows (`value`), and its slope by each logarithm and coefficient, below each other.
fn likelihood_of<M: Model>(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let LikelihoodParams { logarithms, effects } = read(params, M::NAME)?;
    let (rows, weights) = (customers(data, M::COUNTED)?, numbers(data, "customers")?);
    let coefficients: Vec<f64> = effects.iter().map(|effect| effect.coefficient).collect();
    let columns = |effect: &Acting| Ok(Effect { on: effect.on, values: numbers(data, &effect.column)? });
    let columns = effects.iter().map(columns).collect::<Result<Vec<_>>>()?;
    let (value, slopes) = likelihood::<M>(&logarithms, &coefficients, &columns, &rows, &weights, cancel)?;
    table(vec![("value", std::iter::once(value).chain(slopes).collect())])
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreParams {
    parameters: [f64; PARAMETERS],
    horizon: f64,
    #[serde(default)]
    effects: Vec<Acting>,
}

/// The probability of being alive, and purchases and the probability of one within the horizon.
fn scores<M: Model>(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let ScoreParams { parameters, horizon, effects } = read(params, M::NAME)?;
    let rows = customers(data, M::COUNTED)?;
    let columns = effects.iter().map(|effect| numbers(data, &effect.column)).collect::<Result<Vec<_>>>()?;
    let of_row = |memory: &mut Memory<(f64, f64)>, row: usize, customer: &model::Customer| {
        let own: [f64; PARAMETERS] = std::array::from_fn(|parameter| {
            let acted = effects.iter().zip(&columns);
            let acted = acted.map(|(effect, values)| effect.on[parameter] * effect.coefficient * values[row]);
            parameters[parameter] * acted.sum::<f64>().exp()
        });
        let ahead = |bare: &model::Customer| {
            let purchases = M::expected_purchases_alive(&own, bare, horizon);
            (purchases, M::probability_of_purchase_alive(&own, bare, horizon))
        };
        let (purchases, purchase) =
            if effects.is_empty() { memory.of(customer, ahead) } else { ahead(&customer.bare()) };
        let alive = M::probability_alive(&own, customer);
        [alive, alive * purchases, alive * purchase]
    };
    let names = ["probability_alive", "expected_purchases", "probability_of_purchase"];
    table(names.into_iter().zip(each(&rows, cancel, Memory::new, of_row)?).collect())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpendingLikelihoodParams {
    /// Logarithms of the parameters.
    logarithms: [f64; gamma_gamma::SPENDING],
}

/// The log-likelihood of the mean values of `group_values`, and its slopes by the logarithms, below each other.
fn gamma_gamma_likelihood(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let SpendingLikelihoodParams { logarithms } = read(params, "gamma_gamma")?;
    let [frequencies, means, weights] = ["frequency", "mean_value", "customers"].map(|name| numbers(data, name));
    let (frequencies, means, weights) = (frequencies?, means?, weights?);
    let values = MeanValues { frequencies: &frequencies, means: &means, weights: &weights };
    let (value, slopes) = gamma_gamma::likelihood(&logarithms, &values, cancel)?;
    table(vec![("value", std::iter::once(value).chain(slopes).collect())])
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpendingParams {
    parameters: [f64; gamma_gamma::SPENDING],
    /// The column with the number of purchases whose value is known.
    valued: String,
}

/// The mean value to expect of each customer's later purchases.
fn expected_values(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let SpendingParams { parameters, valued } = read(params, "gamma_gamma")?;
    let of_row = |(): &mut (), _, row: &Option<Spending>| [gamma_gamma::expected_value(&parameters, row.as_ref())];
    let [found] = each(&spending(data, &valued)?, cancel, || (), of_row)?;
    table(vec![("expected_value", found)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::build;

    #[test]
    fn the_list_is_sorted_and_has_no_name_twice() {
        assert!(SCORES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    /// More customers than one task takes, each with a history of its own.
    fn many() -> Table {
        let column = |of: fn(f64) -> f64| (0..20_000).map(|place| of(f64::from(place))).collect::<Vec<_>>();
        table(vec![
            ("frequency", column(|place| place % 7.0)),
            ("recency", column(|place| if place % 7.0 == 0.0 { 0.0 } else { 1.0 + place / 400.0 })),
            ("age", column(|place| 60.0 + place / 300.0)),
            ("customers", column(|place| 1.0 + place % 3.0)),
            ("mean_value", column(|place| 1.0 + place % 11.0)),
        ])
        .expect("columns of one length")
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let draws = "[[0.5, 6.0, 0.9, 1.6], [0.6, 5.0, 0.8, 1.7], [0.4, 7.0, 1.0, 1.5]]";
        let spending = "[[6.2, 3.7, 15.4], [6.0, 3.6, 15.0], [6.4, 3.8, 16.0]]";
        let value = format!(
            "{{\"draws\": {draws}, \"spending\": {spending}, \"valued\": \"frequency\", \"periods\": [[30, 0.9], [45, 0.8]], \
             \"level\": 0.95}}"
        );
        let asked = [
            ("mbg_nbd_likelihood", r#"{"logarithms": [-0.5, 1.8, 0.1, 0.4]}"#.to_owned()),
            ("pareto_nbd", r#"{"parameters": [0.5, 6.0, 0.6, 9.0], "horizon": 30}"#.to_owned()),
            ("gamma_gamma_likelihood", r#"{"logarithms": [1.8, 1.3, 2.7]}"#.to_owned()),
            ("group_values", r#"{"valued": "frequency"}"#.to_owned()),
            ("group", r#"{"counted": false, "weight": "customers"}"#.to_owned()),
            ("mbg_nbd_customer_value", value),
        ];
        let data = many();
        for (name, params) in asked {
            let run = |threads| {
                let pool = build(threads).expect("a pool");
                let found = pool.install(|| score(&data, name, &params, &Cancel::default())).expect("a score");
                found.to_batch().expect("one batch")
            };
            assert_eq!(run(1), run(3), "{name}");
        }
    }

    #[test]
    fn a_cancelled_score_stops() {
        let cancel = Cancel::default();
        cancel.cancel();
        let params = r#"{"parameters": [0.5, 6.0, 0.9, 1.6], "horizon": 30}"#;
        assert_eq!(score(&many(), "mbg_nbd", params, &cancel).err(), Some(Error::Cancelled));
    }
}
