//! Options of a registry entry: taken one by one, so that what is left over is unknown.

use serde_json::{Map, Value};

/// An option of a registry entry, for the generated reference and the schema.
#[derive(Debug, Clone, Copy)]
pub struct OptionDoc {
    /// Key in the configuration.
    pub name: &'static str,
    /// Type in words: "whole number", "list of numbers", "text".
    pub kind: &'static str,
    /// Its default, as one would write it; empty when required.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// Why options were refused: the key, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamError {
    /// The offending key.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl ParamError {
    /// An error about `key`.
    pub fn new(key: &str, message: impl Into<String>) -> ParamError {
        ParamError { key: key.to_owned(), message: message.into() }
    }
}

/// The options of one table, without its `kind`, and what was wrong with those that were taken.
#[derive(Debug, Clone, Default)]
pub struct Params {
    table: Map<String, Value>,
    kept: Vec<ParamError>,
}

impl Params {
    /// Wraps the keys of a table.
    #[must_use]
    pub fn new(mut table: Map<String, Value>) -> Params {
        table.remove("kind");
        Params { table, kept: Vec::new() }
    }

    /// Takes an option out, if it is there.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    /// Takes a finite number.
    ///
    /// # Errors
    /// Anything else under that key.
    pub fn number(&mut self, key: &str) -> Result<Option<f64>, ParamError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(x) if x.is_finite() => Ok(Some(x)),
                _ => Err(ParamError::new(key, format!("{value} is not a number"))),
            },
        }
    }

    /// Takes a number between 0 and 1, neither of them.
    ///
    /// # Errors
    /// Anything else under that key.
    pub fn share(&mut self, key: &str) -> Result<Option<f64>, ParamError> {
        match self.number(key)? {
            Some(share) if !(share > 0.0 && share < 1.0) => {
                Err(ParamError::new(key, "must lie between 0 and 1, such as 0.95"))
            }
            share => Ok(share),
        }
    }

    /// Takes a whole number that is not negative.
    ///
    /// # Errors
    /// Anything else under that key.
    pub fn whole(&mut self, key: &str) -> Result<Option<u64>, ParamError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| {
                ParamError::new(key, format!("{value} is not a whole number from 0"))
            }),
        }
    }

    /// Takes true or false.
    ///
    /// # Errors
    /// Anything else under that key.
    pub fn flag(&mut self, key: &str) -> Result<Option<bool>, ParamError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(value) => Err(ParamError::new(key, format!("{value} is neither true nor false"))),
        }
    }

    /// Takes a text.
    ///
    /// # Errors
    /// Anything else under that key.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, ParamError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(ParamError::new(key, format!("{value} is not a text"))),
        }
    }

    /// Takes a list of finite numbers.
    ///
    /// # Errors
    /// Anything else under that key.
    pub fn numbers(&mut self, key: &str) -> Result<Option<Vec<f64>>, ParamError> {
        let Some(value) = self.table.remove(key) else { return Ok(None) };
        let numbers: Option<Vec<f64>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        match numbers {
            Some(list) if list.iter().all(|x| x.is_finite()) => Ok(Some(list)),
            _ => Err(ParamError::new(key, format!("{value} is not a list of numbers"))),
        }
    }

    /// Keeps an error, so that the other options are looked at too; see [`Params::settle`].
    pub fn keep<T>(&mut self, result: Result<T, ParamError>) -> Option<T> {
        result.map_err(|error| self.kept.push(error)).ok()
    }

    /// Says whether all was right so far.
    ///
    /// # Errors
    /// The first error that was kept.
    pub fn settle(&self) -> Result<(), ParamError> {
        self.kept.first().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Every error that was kept.
    #[must_use]
    pub fn kept(&self) -> &[ParamError] {
        &self.kept
    }

    /// Keys that nobody took.
    pub fn left_over(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }
}
