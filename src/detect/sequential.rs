//! Detectors that remember.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Detector, Member, Memory, NoData, Observation, Reading};
use crate::event::Span;

/// A detector that takes window after window into a state of its own.
pub(super) trait Sequential: Debug + Send + Sync {
    /// Small, and empty by default.
    type State: Default + Serialize + DeserializeOwned;
    /// Name in the configuration.
    const NAME: &'static str;
    /// Number of the state's layout; another number starts empty.
    const LAYOUT: u8;

    /// Takes one window.
    ///
    /// # Errors
    /// Why it cannot say; the state is then kept as it is.
    fn take(&self, state: &mut Self::State, seen: &Observation<'_>) -> Result<Reading, NoData>;

    /// As [`Detector::takes_steps`].
    fn takes_steps(&self) -> bool {
        false
    }

    /// As [`Detector::is_joint`].
    fn is_joint(&self) -> bool {
        false
    }

    /// As [`Detector::name_list`].
    fn name_list(&self, _members: &mut [Member<'_>], _of: usize, _every: Span) {}

    /// As [`Detector::needs_reference_metric`].
    fn needs_reference_metric(&self) -> bool {
        false
    }
}

impl<S: Sequential> Detector for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn read(&self, seen: &Observation<'_>, memory: &mut Memory) -> Result<Reading, NoData> {
        let mut state: S::State = memory.recall(S::NAME, S::LAYOUT);
        let reading = self.take(&mut state, seen)?;
        memory.keep(S::NAME, S::LAYOUT, &state);
        Ok(reading)
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn is_joint(&self) -> bool {
        Sequential::is_joint(self)
    }

    fn name_list(&self, members: &mut [Member<'_>], of: usize, every: Span) {
        Sequential::name_list(self, members, of, every);
    }

    fn takes_steps(&self) -> bool {
        Sequential::takes_steps(self)
    }

    fn needs_reference_metric(&self) -> bool {
        Sequential::needs_reference_metric(self)
    }
}
