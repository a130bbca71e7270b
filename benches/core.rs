//! Ingest and every kernel on one synthetic log: `cargo bench --bench core`.
//!
//! Divan prints the time of a whole call; the item counter gives events per second.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int32Type;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use safar::engine::Plan;
use safar::ingest::{self, Roles};
use safar::kernels::{KERNELS, run_named};
use safar::log::EventLog;
use safar::pool::Cancel;
use safar::table::Table;
use serde_json::json;

const ROWS: usize = 1_000_000;
const CUSTOMERS: u64 = 50_000;
const EVENTS: [&str; 12] =
    ["visit", "search", "view", "cart", "checkout", "purchase", "login", "support", "email", "push", "rate", "share"];

fn main() {
    divan::main();
}

/// A small generator of well-mixed numbers (`SplitMix64`), so that every run sees the same log.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

struct Rows {
    customers: Vec<u64>,
    times: Vec<i64>,
    events: Vec<&'static str>,
}

/// The first event, µs UTC.
const START: i64 = 1_767_571_200_000_000;

static SORTED: LazyLock<Rows> = LazyLock::new(|| {
    let mut numbers = Numbers(7);
    let times = (0..ROWS as i64).map(|row| START + row * 7_776_000).collect();
    // The square of a uniform number: few customers have many events.
    let customers = (0..ROWS).map(|_| {
        let share = (numbers.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (share * share * CUSTOMERS as f64) as u64
    });
    let customers = customers.collect();
    let events = (0..ROWS).map(|_| EVENTS[(numbers.next() % EVENTS.len() as u64) as usize]).collect();
    Rows { customers, times, events }
});

#[derive(Debug, Clone, Copy)]
enum Ids {
    Integers,
    ShortText,
    Uuids,
    LongText,
    Dictionary,
}

fn table(ids: Ids, shuffled: bool) -> Table {
    let rows = &*SORTED;
    let mut order: Vec<usize> = (0..ROWS).collect();
    if shuffled {
        let mut numbers = Numbers(11);
        for last in (1..ROWS).rev() {
            order.swap(last, (numbers.next() % (last as u64 + 1)) as usize);
        }
    }
    let text = |write: fn(u64) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(order.iter().map(|&row| write(rows.customers[row]))))
    };
    let customers: ArrayRef = match ids {
        Ids::Integers => Arc::new(Int64Array::from_iter_values(order.iter().map(|&row| rows.customers[row] as i64))),
        Ids::ShortText => text(|id| format!("c{id:08}")),
        Ids::Uuids => text(|id| {
            let (high, low) = (Numbers(id).next(), Numbers(id + 1).next());
            format!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                high >> 32,
                (high >> 16) & 0xFFFF,
                high & 0xFFFF,
                low >> 48,
                low & 0xFFFF_FFFF_FFFF
            )
        }),
        Ids::LongText => text(|id| format!("customer {id:08} of the shop in the high street")),
        Ids::Dictionary => {
            let texts: Vec<String> = order.iter().map(|&row| format!("c{:08}", rows.customers[row])).collect();
            Arc::new(texts.iter().map(String::as_str).collect::<DictionaryArray<Int32Type>>())
        }
    };
    let times: TimestampMicrosecondArray = order.iter().map(|&row| Some(rows.times[row])).collect();
    let events: DictionaryArray<Int32Type> = order.iter().map(|&row| rows.events[row]).collect();
    let columns: [(&str, ArrayRef); 3] =
        [("customer", customers), ("time", Arc::new(times)), ("event", Arc::new(events))];
    Table::from_batch(RecordBatch::try_from_iter(columns).expect("columns of one length"))
}

fn build(table: &Table) -> EventLog {
    let roles = json!({"customer": "customer", "time": "time", "event": "event", "timezone": "UTC"});
    let roles: Roles = serde_json::from_value(roles).expect("valid roles");
    ingest::build(table, &roles, &Cancel::default()).expect("valid data")
}

#[divan::bench(args = [Ids::Integers, Ids::ShortText, Ids::Uuids, Ids::LongText, Ids::Dictionary])]
fn ingest_in_time_order(bencher: Bencher, ids: Ids) {
    let table = table(ids, false);
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| build(black_box(&table)));
}

#[divan::bench]
fn ingest_shuffled(bencher: Bencher) {
    let table = table(Ids::ShortText, true);
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| build(black_box(&table)));
}

fn cutoff_plan(kernel: &str) -> serde_json::Value {
    let cutoffs = json!({
        "at_us": [START + 60 * 86_400_000_000], "observe_us": 3_888_000_000_000_u64, "active": null,
        "active_where": null, "arrived": null,
    });
    let feature = |name: &str, measure: serde_json::Value| json!({"name": name, "measure": measure, "events": null, "where": null, "within_us": null, "history": false});
    match kernel {
        "features" => json!({"cutoffs": cutoffs, "features": [
            feature("recency", json!("since_last")), feature("events", json!("count")),
            feature("median", json!({"gaps": "median"})), feature("slope", json!({"weeks": "slope"})),
            feature("night", json!({"hours": {"from": 0, "to": 6}})),
        ]}),
        "features_names" => json!({"cutoffs": cutoffs, "columns": ["event"], "where": null}),
        _ => json!({
            "cutoffs": cutoffs, "events": ["purchase"], "where": null, "gap_us": 0, "predict_us": 2_592_000_000_000_u64,
            "term": null, "value": null,
        }),
    }
}

/// A plan for every kernel; a kernel without one is missed by the benchmark and says so.
fn next_events_plan(kernel: &str) -> serde_json::Value {
    let chain = json!({"column": "event", "at_us": null, "gap_us": 86_400_000_000_u64, "order": 5});
    if kernel == "next_events" {
        return json!({"chain": chain, "held_out": 0.25, "seed": 1, "max_cells": 4_000_000});
    }
    json!({"chain": chain, "contexts": [[], ["view"], ["(start)", "view"]]})
}

fn plan(kernel: &str) -> Plan {
    let units = json!({
        "per": "sessions", "gap_us": 1_800_000_000_u64, "inactivity_us": 2_592_000_000_000_u64, "events": null,
        "collapse": false,
    });
    let cuts = json!({"gap_us": 604_800_000_000_u64, "ends": [{"events": ["purchase"]}]});
    let subpaths = json!({
        "units": units, "goal": ["purchase"], "within_us": null, "longest": 3, "contiguous": false,
    });
    let designed = ["visit", "view", "cart", "checkout", "purchase"];
    let designed =
        designed.map(|label| json!({"column": 0, "label": label, "within_us": 86_400_000_000_u64, "stage": null}));
    let params = match kernel {
        "flow" => json!({"units": units, "depth": 5, "max_edges": 1_000_000}),
        name if name.starts_with("conformance") => json!({
            "units": units, "columns": ["event"], "steps": designed,
            "design": {"sequence": [
                {"optional": {"step": 0}}, {"step": 1}, {"step": 2}, {"step": 3}, {"step": 4},
            ]},
            "collapse": true, "others": "ignore", "goal": ["purchase"], "score": null,
        }),
        "conversion" => json!({
            "start": ["view"], "outcomes": ["purchase", "support"], "horizon_us": null, "resolution_us": 1_000_000,
            "max_rows": 2_000_000,
        }),
        "funnel" | "funnel_attempts" | "funnel_events" => json!({
            "steps": [{"events": ["view"]}, {"events": ["cart"]}, {"events": ["checkout"]}, {"events": ["purchase"]}],
            "within_us": 604_800_000_000_u64,
            "order": "ordered",
        }),
        "loops" => json!({"units": units}),
        "paths" => json!({"units": units, "most_events": null, "top": 100, "most_variants": 1_000_000}),
        "journeys" => cuts,
        "journeys_chains" => json!({"cut": cuts, "most_touches": 5, "most_chains": 1_000_000}),
        name if name.starts_with("match") => {
            json!({"pattern": "view -> cart -> (!support)* -> purchase within 7d"})
        }
        "kpis" => json!({
            "period": "day", "calendar": "gregorian", "week_start": 0, "cuts": [[]], "max_cells": 1_000_000,
            "measures": [
                {"count": "customers", "numerator": "event = 'purchase'", "minus": null,
                 "denominator": "event = 'visit'", "sum": null, "least": 1, "most": null},
                {"count": "events", "numerator": "event = 'cart'", "minus": null, "denominator": "event = 'view'",
                 "sum": null, "least": 1, "most": null},
            ],
        }),
        name if name.starts_with("features") || name == "labels" => cutoff_plan(name),
        "contact_times" => json!({
            "contact": ["view"], "response": ["purchase"], "within_us": 86_400_000_000_u64, "holidays": [],
        }),
        name if name.starts_with("next_events") => next_events_plan(name),
        "lifecycle" => json!({"events": null, "period": "week", "calendar": "gregorian", "week_start": 0}),
        "retention" => json!({
            "start": null, "back": null, "period": "week", "calendar": "gregorian", "week_start": 0,
            "same_period": false, "max_periods": null,
        }),
        "rfm" => json!({"events": ["purchase"], "at_us": null, "value": null}),
        "rfm_purchases" => json!({"events": ["purchase"], "at_us": null, "value": null, "unit_days": 1}),
        "separating_paths" => json!({"subpaths": subpaths, "support": null, "most_cells": 4_000_000}),
        "separating_paths_units" => json!({
            "subpaths": subpaths, "paths": [["view"], ["view", "cart"], ["cart", "view"]], "most_words": 10_000_000,
        }),
        "sessions" | "sessions_events" => json!({"gap_us": 1_800_000_000_u64}),
        "stages" => json!({
            "stage": "event", "inactivity_us": 2_592_000_000_000_u64, "within": [], "value": false, "costs": null,
        }),
        "steps" => json!({
            "units": units, "positions": 10, "around": null, "which": "first", "max_cells": 1_000_000,
        }),
        "stickiness" => json!({
            "events": null, "period": "week", "unit": "day", "calendar": "gregorian", "week_start": 0,
        }),
        "transitions" => json!({"inactivity_us": 2_592_000_000_000_u64, "quantiles": true, "max_edges": 1_000_000}),
        "waits" => json!({
            "of": "event", "same": null, "gap_us": 2_592_000_000_000_u64, "duration": null, "hours": null,
            "expected": [], "max_pairs": 1_000_000,
        }),
        other => unreachable!("no plan to measure the kernel {other}: add one here"),
    };
    Plan::parse(&json!({ "params": params }).to_string()).expect("a valid plan")
}

#[divan::bench(args = KERNELS.iter().map(|(name, _)| *name))]
fn kernel(bencher: Bencher, name: &str) {
    let log = build(&table(Ids::ShortText, false));
    let plan = plan(name);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| run_named(name, black_box(&log), &plan, &Cancel::default()).expect("a result"));
}
