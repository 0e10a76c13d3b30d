//! What stands behind the question mark. A parameter that a route does not know is refused: a
//! misspelt filter must not show everything.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::answer::{ApiError, PAGE};
use crate::event::Time;
use crate::lines::Segment;

/// A parameter of a route: its name, and a sentence.
pub(super) type Param = (&'static str, &'static str);

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    /// Reads the raw text; only `known` parameters, each at most once.
    pub(super) fn parse(raw: Option<&str>, known: &[Param]) -> Result<Asked, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or("").as_bytes()) {
            if !known.iter().any(|(k, _)| *k == name) {
                let names: Vec<&str> = known.iter().map(|(k, _)| *k).collect();
                let known = names.join(", ");
                let sentence = format!("unknown parameter '{name}'; known here: {known}");
                return Err(ApiError::bad_request(sentence));
            }
            if pairs.iter().any(|(n, _)| *n == name) {
                return Err(ApiError::bad_request(format!("parameter '{name}' stands twice")));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Asked(pairs))
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A parameter as one of the words of a type.
    pub(super) fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        serde_json::from_value(Value::String(text.to_owned())).map(Some).map_err(|error| {
            // serde's sentence names the words that are known.
            ApiError::bad_request(format!("{name}: {error}"))
        })
    }

    /// A parameter as a time.
    pub(super) fn time(&self, name: &str) -> Result<Option<Time>, ApiError> {
        let parse = |text| Time::parse(text);
        self.get(name)
            .map(parse)
            .transpose()
            .map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
    }

    /// `city:Oslo`, or `city:Oslo,vehicle:van` for a crossed one; empty: the whole.
    pub(super) fn segment(&self) -> Result<Option<Segment>, ApiError> {
        let Some(text) = self.get("segment") else { return Ok(None) };
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            match (part.split_once(':'), pairs.last_mut()) {
                (Some((name, value)), _) => pairs.push((name.into(), value.into())),
                // A comma inside a value.
                (None, Some((_, value))) => *value = format!("{value},{part}").into(),
                (None, None) => {
                    return Err(ApiError::bad_request("segment is written city:Oslo"));
                }
            }
        }
        pairs.sort();
        Ok(Some(Segment(pairs)))
    }

    /// Items of a page.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        match self.get("limit").map(str::parse::<usize>) {
            None => Ok(PAGE),
            Some(Ok(n)) if (1..=PAGE).contains(&n) => Ok(n),
            Some(_) => Err(ApiError::bad_request(format!("limit is a number from 1 to {PAGE}"))),
        }
    }

    /// The path of the next page: the same question, later.
    pub(super) fn next(&self, path: &str, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| name != "after"));
        query.append_pair("after", after);
        format!("{path}?{}", query.finish())
    }
}
