//! The core of safar: customer journeys as an event log, and analyses that pass over it.
//!
//! ```text
//! Arrow batches ─ingest─▶ EventLog ─engine::run(kernel)─▶ partial table ─merge─▶ finished in Python
//! ```
//!
//! Layers, lowest first: errors, calendar and pool; the log; ingest, partials and patterns; the engine; the kernels
//! and, beside them, scores of customers; and, behind the feature `python`, the extension module. A module uses lower layers only.

#![allow(clippy::inline_always)]

pub mod beside;
pub mod calendar;
pub mod conformance;
pub mod derived;
pub mod engine;
pub mod error;
pub mod expression;
pub mod ingest;
pub mod kernels;
pub mod log;
pub mod map;
pub mod memory;
pub mod partial;
pub mod pattern;
pub mod pool;
pub mod quality;
pub mod regroup;
pub mod rename;
pub mod scoring;
pub mod selection;
pub mod state;
pub mod table;

#[cfg(feature = "python")]
#[allow(clippy::needless_pass_by_value, reason = "Python hands over values of its own")]
mod py;
