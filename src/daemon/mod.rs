//! Wiring.

mod engine_thread;
mod references;

pub use engine_thread::{EngineThread, Observer, Outgoing, Work};
pub use references::References;
