//! Whole runs through the engine, without a shell.

mod interleavings;
mod scenarios;
mod world;
