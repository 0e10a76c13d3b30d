//! Verdicts become incidents, incidents become messages: small stages, each giving a reason.
//!
//! Knows findings and the rules of one monitor; never how a score was made or how a message is
//! sent.

mod attribution;
mod incident;
pub mod message;
mod stages;

pub use attribution::{Attribution, BySegment, Carried, Made, Without};
pub use incident::{Act, Finding, Incident, Situation, decide, incident_key, patience};
pub use stages::{Circumstances, suppression};

#[cfg(test)]
mod tests;
