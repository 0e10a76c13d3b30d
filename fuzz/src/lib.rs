//! What the fuzzers do with their bytes: one file per target. `tests/corpus.rs` of the crate runs
//! the same over the kept inputs.

pub mod avro_datum;
pub mod avro_schema;
pub mod json;
pub mod reference;
pub mod times;

#[cfg(feature = "daemon")]
pub mod api;
#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod container;
#[cfg(feature = "daemon")]
pub mod rows;
#[cfg(feature = "daemon")]
pub mod signature;
#[cfg(feature = "daemon")]
pub mod state;

mod spec;
