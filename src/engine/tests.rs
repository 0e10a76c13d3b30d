//! Whole runs through the engine, without a shell.

mod changes;
mod counted;
mod interleavings;
mod learnt;
mod limits;
pub(crate) mod lived;
mod renames;
mod scenarios;
mod sequential;
mod shelf;
mod silence;
mod types;
pub(crate) mod world;
