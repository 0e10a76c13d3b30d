//! driftd watches the predictions and outcomes that model servers write to Kafka, keeps honest
//! sliding-window statistics against a frozen reference, and when a model drifts or gets worse it
//! starts the retraining pipeline or pages on-call: once per incident, with the evidence attached.
//!
//! This file is the map: rooms in the order an event walks.

pub mod event;

pub mod lines;

#[cfg(feature = "daemon")]
pub mod wire;

#[cfg(feature = "daemon")]
pub mod source;

pub mod stats;

pub mod reference;

pub mod window;

pub mod join;

pub mod detect;

pub mod plan;

pub mod policy;

pub mod engine;

#[cfg(feature = "daemon")]
pub mod store;

#[cfg(feature = "daemon")]
pub mod clock;

#[cfg(feature = "daemon")]
pub mod daemon;

#[cfg(feature = "daemon")]
pub mod cli;
