//! Whole runs through the engine, without a shell.

mod counted;
mod interleavings;
mod scenarios;
mod world;
