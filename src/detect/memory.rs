//! What a sequential detector keeps from one window to the next.

use std::any::Any;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A detector's state for one monitor, series and segment. It names its owner, so that another
/// detector, or another layout of the same, finds nothing and starts empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Memory {
    owner: String,
    layout: u8,
    state: Vec<u8>,
    /// What can be computed anew; never stored.
    #[serde(skip)]
    computed: Option<Arc<dyn Any + Send + Sync>>,
}

impl Memory {
    /// Whether it is kept by this owner in this layout.
    #[must_use]
    pub fn holds(&self, owner: &str, layout: u8) -> bool {
        self.owner == owner && self.layout == layout
    }

    /// What this owner kept, or an empty state.
    pub fn recall<S: Default + DeserializeOwned>(&self, owner: &str, layout: u8) -> S {
        if !self.holds(owner, layout) {
            return S::default();
        }
        postcard::from_bytes(&self.state).unwrap_or_default()
    }

    /// Keeps a state in place of what was there.
    pub fn keep<S: Serialize>(&mut self, owner: &str, layout: u8, state: &S) {
        // Only a type without a binary form fails here; it would be forgotten, not misread.
        let mut bytes = std::mem::take(&mut self.state);
        bytes.clear();
        let bytes = postcard::to_extend(state, bytes).unwrap_or_default();
        if self.owner != owner {
            owner.clone_into(&mut self.owner);
        }
        (self.layout, self.state) = (layout, bytes);
    }

    /// What was computed before, where it still fits, else what `make` makes.
    pub fn computed<T: Any + Send + Sync>(
        &mut self,
        fits: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let before = self.computed.take().and_then(|any| any.downcast::<T>().ok());
        let fitting = before.filter(|made| fits(made)).unwrap_or_else(|| Arc::new(make()));
        self.computed = Some(fitting.clone());
        fitting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_computed_once() {
        let mut memory = Memory::default();
        let mut made = 0;
        for wanted in [1, 1, 2, 2, 1] {
            let got = memory.computed(
                |kept: &u32| *kept == wanted,
                || {
                    made += 1;
                    wanted
                },
            );
            assert_eq!(*got, wanted);
        }
        assert_eq!(made, 3);
    }

    #[test]
    fn only_the_owner_finds_its_state_and_only_in_its_own_layout() {
        let mut memory = Memory::default();
        assert_eq!(memory.recall::<(u32, f64)>("a", 1), (0, 0.0));
        memory.keep("a", 1, &(7u32, 0.5));
        assert_eq!(memory.recall::<(u32, f64)>("a", 1), (7, 0.5));
        assert_eq!(memory.recall::<(u32, f64)>("a", 2), (0, 0.0));
        assert_eq!(memory.recall::<(u32, f64)>("b", 1), (0, 0.0));
        memory.keep("b", 1, &3u32);
        assert_eq!(memory.recall::<(u32, f64)>("a", 1), (0, 0.0));
    }
}
