//! Names and the small numbers that stand for them inside one model's state. Numbers never leave
//! the state: lines, keys and exports carry names.

use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Append-only list of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Lexicon {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    nameless: Arc<str>,
}

impl Lexicon {
    /// The number of a name, given one if it is new.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// The number of a name that has one.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of a number that [`Lexicon::number`] gave; empty for any other, which only a
    /// damaged row holds.
    pub(super) fn name(&self, number: u32) -> &Arc<str> {
        self.names.get(number as usize).unwrap_or(&self.nameless)
    }

    /// Whether a number stands for a name.
    pub(super) fn knows(&self, number: u32) -> bool {
        (number as usize) < self.names.len()
    }
}

impl Serialize for Lexicon {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.names.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Lexicon {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Lexicon, D::Error> {
        let mut lexicon = Lexicon::default();
        for name in Vec::<String>::deserialize(d)? {
            lexicon.number(&name);
        }
        Ok(lexicon)
    }
}
