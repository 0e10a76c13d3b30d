//! driftd watches the predictions and outcomes that model servers write to Kafka, keeps honest
//! sliding-window statistics against a frozen reference, and when a model drifts or gets worse it
//! starts the retraining pipeline or pages on-call: once per incident, with the evidence attached.
//!
//! This file is the map: rooms in the order an event walks.

pub mod event;

pub mod lines;

pub mod wire;

#[cfg(feature = "daemon")]
pub mod source;

#[cfg(feature = "daemon")]
pub mod dead_letter;

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
pub mod registry;

#[cfg(feature = "daemon")]
pub mod metrics;

#[cfg(feature = "daemon")]
pub mod admin;

#[cfg(feature = "daemon")]
pub mod outbox;

#[cfg(feature = "daemon")]
pub mod clock;

#[cfg(feature = "daemon")]
pub mod failpoint;

#[cfg(feature = "daemon")]
pub mod secret;

#[cfg(feature = "daemon")]
pub mod config;

#[cfg(feature = "daemon")]
pub mod notify;

#[cfg(feature = "daemon")]
pub mod retrain;

#[cfg(feature = "daemon")]
pub mod files;

#[cfg(feature = "daemon")]
pub mod daemon;

#[cfg(feature = "daemon")]
pub mod cli;
