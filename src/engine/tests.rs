//! Whole runs through the engine, without a shell.

mod counted;
mod interleavings;
mod learnt;
mod scenarios;
mod world;
