//! The core without Python: ingest against a stable sort, and the same bytes at any number of threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Int64Type, UInt32Type};
use proptest::prelude::*;
use safar::engine::Plan;
use safar::error::Error;
use safar::ingest::{self, Roles};
use safar::kernels::{KERNELS, run_named};
use safar::log::EventLog;
use safar::partial;
use safar::pool::{Cancel, build as pool_of};
use safar::table::Table;
use serde_json::json;

const START: i64 = 1_767_571_200_000_000;

#[derive(Debug, Clone)]
struct Row {
    customer: String,
    time: i64,
    event: &'static str,
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let customer = prop_oneof![
        (0..40_u32).prop_map(|id| format!("c{id:04}")),
        Just("مشتری".to_owned()),
        Just("a customer with a name that is longer than any short key".to_owned()),
    ];
    let event = prop::sample::select(vec!["view", "cart", "buy", "call"]);
    let row = (customer, 0..500_i64, event);
    let row = row.prop_map(|(customer, hour, event)| Row { customer, time: START + hour * 3_600_000_000, event });
    prop::collection::vec(row, 1..most)
}

fn table(rows: &[Row], batch: usize) -> Table {
    let batches: Vec<RecordBatch> = rows
        .chunks(batch)
        .enumerate()
        .map(|(chunk, rows)| {
            let numbers = (0..rows.len()).map(|index| (chunk * batch + index) as i64);
            let times = rows.iter().map(|row| row.time);
            let columns: [(&str, ArrayRef); 4] = [
                ("customer", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.customer)))),
                ("time", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
                ("event", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.event)))),
                ("number", Arc::new(Int64Array::from_iter_values(numbers))),
            ];
            RecordBatch::try_from_iter(columns).expect("columns of one length")
        })
        .collect();
    Table::new(batches[0].schema(), batches)
}

fn log_of(table: &Table) -> EventLog {
    let roles = json!({
        "customer": "customer", "time": "time", "event": "event", "attributes": ["number"], "timezone": "Asia/Tehran",
        "observed_until_us": START + 500 * 3_600_000_000,
    });
    let roles: Roles = serde_json::from_value(roles).expect("valid roles");
    ingest::build(table, &roles, &Cancel::default()).expect("valid data")
}

/// Kernels that give rows of customers, strung together: of two halves they stand in another order.
const ROWS: [&str; 15] = [
    "conformance_moves",
    "features",
    "funnel_attempts",
    "funnel_events",
    "journeys",
    "labels",
    "match_customers",
    "match_events",
    "match_rows",
    "next_events_customers",
    "rfm",
    "rfm_purchases",
    "separating_paths_units",
    "sessions",
    "sessions_events",
];

fn cutoff_plan(kernel: &str) -> serde_json::Value {
    let hour = 3_600_000_000_i64;
    let cutoffs = json!({
        "at_us": [START + 200 * hour, START + 400 * hour], "observe_us": 240 * hour, "active": null, "active_where": null,
        "arrived": null,
    });
    let feature = |name: &str, measure: serde_json::Value| json!({"name": name, "measure": measure, "events": null, "where": null, "within_us": null, "history": false});
    match kernel {
        "features" => json!({"cutoffs": cutoffs, "features": [
            feature("sum", json!({"sum": "number"})), feature("slope", json!({"weeks": "theil_sen"})),
            feature("gaps", json!({"gaps": "burstiness"})), feature("hour", json!("mean_hour")),
            feature("last", json!({"last_text": "event"})),
        ]}),
        "features_names" => json!({"cutoffs": cutoffs, "columns": ["event"], "where": null}),
        _ => json!({
            "cutoffs": cutoffs, "events": ["buy"], "where": null, "gap_us": hour, "predict_us": 90 * hour, "term": null,
            "value": "number",
        }),
    }
}

fn next_events_plan(kernel: &str) -> serde_json::Value {
    let chain = json!({"column": "event", "at_us": null, "gap_us": 86_400_000_000_u64, "order": 3});
    if kernel == "next_events" {
        return json!({"chain": chain, "held_out": 0.25, "seed": 1, "max_cells": 100_000});
    }
    json!({"chain": chain, "contexts": [[], ["view"], ["(start)", "view"]]})
}

fn plan(kernel: &str) -> Plan {
    let units = json!({
        "per": "sessions", "gap_us": 86_400_000_000_u64, "inactivity_us": 86_400_000_000_u64, "events": null,
        "collapse": false,
    });
    let cuts = json!({
        "gap_us": 86_400_000_000_u64, "starts": [{"events": ["view"], "where": "number >= 0"}],
        "ends": [{"events": ["buy"]}], "stops": [{"events": ["call"]}],
    });
    let subpaths = json!({
        "units": units, "goal": ["buy"], "within_us": null, "longest": 3, "contiguous": false,
    });
    // The number of a row is another one in a part of the data, so only rows of the whole may depend on it.
    let lasting = json!({"gap_us": 86_400_000_000_u64, "duration": {"column": "number", "unit_us": 60_000_000}});
    let params = match kernel {
        "flow" => json!({"units": units, "depth": 4, "max_edges": 1000}),
        name if name.starts_with("conformance") => json!({
            "units": units, "columns": ["event"],
            "steps": [
                {"column": 0, "label": "view", "within_us": null, "stage": "first"},
                {"column": 0, "label": "cart", "within_us": 86_400_000_000_u64, "stage": null},
                {"column": 0, "label": "buy", "within_us": null, "stage": "last"},
            ],
            "design": {"sequence": [
                {"loop": [[{"step": 0}], []]}, {"parallel": [{"optional": {"step": 1}}, {"step": 2}]},
            ]},
            "collapse": false, "others": "extra", "goal": ["call"], "score": null,
        }),
        "conversion" => json!({
            "start": ["view"], "outcomes": ["buy", "call"], "horizon_us": null, "resolution_us": 1_000_000,
            "max_rows": 1_000_000,
        }),
        "funnel" | "funnel_attempts" | "funnel_events" => json!({
            "steps": [{"events": ["view"]}, {"events": ["cart"], "where": "number >= 0"}, {"events": ["buy"]}],
            "within_us": 86_400_000_000_u64, "order": "ordered",
        }),
        "loops" => json!({"units": units}),
        "paths" => json!({"units": units, "most_events": null, "top": null, "most_variants": 100_000}),
        "journeys_chains" => json!({"cut": cuts, "most_touches": 3, "most_chains": 1000}),
        name if name.starts_with("match") => json!({
            "pattern": "view ->[1h..4d] (cart[number >= 3] | !buy)+ -> (!call)* -> buy -> !buy within 1d",
        }),
        "kpis" => json!({
            "period": "day", "calendar": "jalali", "week_start": 5, "cuts": [[], ["event"]], "max_cells": 100_000,
            "measures": [
                {"count": "customers", "numerator": "event = 'buy'", "minus": null, "denominator": "nth_event > 0",
                 "sum": "seconds_since_previous", "least": 1, "most": 3},
                {"count": "events", "numerator": "event = 'buy'", "minus": "event = 'call'", "denominator": null,
                 "sum": null, "least": 1, "most": null},
            ],
        }),
        name if name.starts_with("features") || name == "labels" => cutoff_plan(name),
        "contact_times" => json!({
            "contact": ["view"], "response": ["buy"], "within_us": 86_400_000_000_u64, "holidays": [],
        }),
        name if name.starts_with("next_events") => next_events_plan(name),
        "lifecycle" => json!({"events": null, "period": "day", "calendar": "jalali", "week_start": 5}),
        "retention" => json!({
            "start": null, "back": null, "period": "day", "calendar": "jalali", "week_start": 5, "same_period": true,
            "max_periods": null,
        }),
        "rfm" => json!({"events": ["buy"], "at_us": START + 400 * 3_600_000_000_i64, "value": "number"}),
        "rfm_purchases" => json!({
            "events": ["buy"], "at_us": START + 400 * 3_600_000_000_i64, "value": "number", "unit_days": 1,
        }),
        "separating_paths" => json!({"subpaths": subpaths, "support": null, "most_cells": 100_000}),
        "separating_paths_units" => json!({
            "subpaths": subpaths, "paths": [["view"], ["view", "cart"], ["cart", "view"]], "most_words": 10_000_000,
        }),
        "sessions" => json!({"gap_us": 7_200_000_000_u64}),
        "journeys" => cuts,
        "sessions_events" => lasting,
        "stages" => json!({
            "stage": "event", "inactivity_us": 86_400_000_000_u64, "within": ["event"], "value": false,
            "costs": {"of": "event", "each": {"view": 0.5, "buy": 2, "lost": 1}},
        }),
        "steps" => json!({
            "units": units, "positions": 3, "around": ["cart"], "which": "each", "max_cells": 1000,
        }),
        "stickiness" => json!({
            "events": null, "period": "week", "unit": "day", "calendar": "jalali", "week_start": 5,
        }),
        "transitions" => json!({"inactivity_us": 86_400_000_000_u64, "quantiles": true, "max_edges": 1000}),
        "waits" => json!({
            "of": "event", "same": null, "gap_us": 864_000_000_000_u64, "duration": null, "max_pairs": 1000,
            "expected": [
                {"from": null, "to": "buy", "us": 3_600_000_000_u64}, {"from": "view", "to": "cart", "us": 7_200_000_000_u64},
                {"from": "buy", "to": "lost", "us": 1},
            ],
            "hours": {"open_us": 28_800_000_000_u64, "close_us": 61_200_000_000_u64, "weekend": [3, 4], "holidays": []},
        }),
        other => unreachable!("the kernel {other} has no plan here: add one"),
    };
    Plan::parse(&json!({ "params": params }).to_string()).expect("a valid plan")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_log_holds_every_customer_s_rows_sorted_by_time_with_ties_as_they_came(rows in rows(300), batch in 1..80_usize) {
        let log = log_of(&table(&rows, batch));
        let mut expected = BTreeMap::<&str, Vec<(i64, i64, &str)>>::new();
        for (number, row) in rows.iter().enumerate() {
            expected.entry(&row.customer).or_default().push((row.time, number as i64, row.event));
        }
        for events in expected.values_mut() {
            events.sort_by_key(|(time, _, _)| *time);
        }
        prop_assert_eq!(log.customers(), expected.len());
        let events = log.events_table(None).expect("a table").to_batch().expect("a batch");
        let customers = events.column(0).as_dictionary::<UInt32Type>().clone();
        let ids = customers.values().as_string::<i32>();
        let names = events.column(2).as_dictionary::<UInt32Type>().clone();
        let numbers = events.column(3).as_primitive::<Int64Type>();
        let mut found = BTreeMap::<&str, Vec<(i64, i64, &str)>>::new();
        for row in 0..events.num_rows() {
            let name = names.values().as_string::<i32>().value(names.keys().value(row) as usize);
            let id = ids.value(customers.keys().value(row) as usize);
            let time = events.column(1).as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(row);
            found.entry(id).or_default().push((time, numbers.value(row), name));
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_kernel_gives_the_same_bytes_with_one_thread_and_with_three(rows in rows(400)) {
        let table = table(&rows, 50);
        let outcome = |threads: usize, name: &str| {
            let pool = pool_of(threads).expect("a pool");
            pool.install(|| {
                let log = log_of(&table);
                run_named(name, &log, &plan(name), &Cancel::default()).expect("a result").to_batch().expect("a batch")
            })
        };
        for (name, _) in KERNELS {
            prop_assert_eq!(outcome(1, name), outcome(3, name), "{}", name);
        }
    }

    #[test]
    fn merging_two_halves_of_the_customers_gives_the_whole(rows in rows(300)) {
        let (left, right): (Vec<Row>, Vec<Row>) = rows.iter().cloned().partition(|row| row.customer.ends_with(['0', '2', '4']));
        prop_assume!(!left.is_empty() && !right.is_empty());
        for (name, _) in KERNELS.iter().filter(|(name, _)| !ROWS.contains(name)) {
            let partial_of = |rows: &[Row]| {
                run_named(name, &log_of(&table(rows, 64)), &plan(name), &Cancel::default()).expect("a result")
            };
            let merged = partial::merge(&[partial_of(&left), partial_of(&right)]).expect("disjoint parts");
            let (merged, whole) = (merged.to_batch().expect("a batch"), partial_of(&rows).to_batch().expect("a batch"));
            prop_assert_eq!(merged.columns(), whole.columns(), "{}", name);
            let twice = partial::merge(&[partial_of(&left), partial_of(&left)]);
            prop_assert!(matches!(twice, Err(Error::Argument(text)) if text.contains("shares customers")));
        }
    }
}

#[test]
fn a_cancelled_build_says_so() {
    let rows: Vec<Row> = (0..10).map(|hour| Row { customer: "a".into(), time: START + hour, event: "view" }).collect();
    let roles = json!({"customer": "customer", "time": "time", "event": "event", "timezone": "UTC"});
    let roles: Roles = serde_json::from_value(roles).expect("valid roles");
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(ingest::build(&table(&rows, 5), &roles, &cancel).err(), Some(Error::Cancelled));
}
