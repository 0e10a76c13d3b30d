//! Whole runs through the engine, without a shell.

mod against;
mod attribution;
mod callbacks;
mod changes;
mod counted;
mod estimates;
mod flapping;
mod interleavings;
mod learnt;
mod limits;
pub(crate) mod lived;
mod pager_down;
mod power;
mod renames;
mod scenarios;
mod season;
mod sequential;
mod shelf;
mod silence;
mod types;
pub(crate) mod world;
