//! Score lines by model and time, for the API.

use super::{Store, StoreError};
use crate::engine::io::{Change, Table};
use crate::event::Time;
use crate::lines::{ScoreLine, Segment};

/// Which score lines to find; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct ScoreQuery {
    /// Model.
    pub model: Option<String>,
    /// Monitor.
    pub monitor: Option<String>,
    /// Series, exact.
    pub series: Option<String>,
    /// Segment; the empty one is the whole.
    pub segment: Option<Segment>,
    /// Window end after this.
    pub from: Option<Time>,
    /// Window end not after this.
    pub to: Option<Time>,
    /// Every revision, or only the highest.
    pub all_revisions: bool,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// A page of score lines in the order of model and window end, and where the next one begins.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn scores(
    store: &dyn Store,
    query: &ScoreQuery,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<(Vec<ScoreLine>, Option<Cursor>), StoreError> {
    let mut found: Vec<ScoreLine> = Vec::new();
    let mut next = None;
    let start = match after {
        Some(cursor) => [cursor.0.as_slice(), &[0]].concat(),
        None => first_key(query),
    };
    let mut last: Vec<u8> = Vec::new();
    store.walk(Table::Scores, &start, &mut |key, value| {
        if let Some(model) = &query.model
            && key.split(|b| *b == 0).next() != Some(model.as_bytes())
        {
            return false;
        }
        let Ok(line) = serde_json::from_slice::<ScoreLine>(value) else { return true };
        if !query.matches(&line) {
            return true;
        }
        // Revisions of one window stand next to each other, ascending.
        if !query.all_revisions && found.last().is_some_and(|l| same_window(l, &line)) {
            found.pop();
        } else if found.len() == limit {
            next = Some(Cursor(last.clone()));
            return false;
        }
        found.push(line);
        last = key.to_vec();
        true
    })?;
    Ok((found, next))
}

fn first_key(query: &ScoreQuery) -> Vec<u8> {
    match (&query.model, query.from) {
        (Some(model), Some(from)) => end_key(model.as_bytes(), from),
        (Some(model), None) => [model.as_bytes(), &[0]].concat(),
        (None, _) => Vec::new(),
    }
}

/// Where the lines of windows that end at `end` or later begin.
fn end_key(model: &[u8], end: Time) -> Vec<u8> {
    let end = ((end.0 as u64) ^ (1 << 63)).to_be_bytes();
    [model, &[0], &end].concat()
}

/// Removes at most so many score lines whose window ended before their model's `horizon`; whether
/// none is left. Lines stand in the order of their windows, so young ones are not looked at.
///
/// # Errors
/// [`StoreError`].
pub fn forget_scores(
    store: &dyn Store,
    horizon: &dyn Fn(&str) -> Time,
    most: usize,
) -> Result<bool, StoreError> {
    let mut old: Vec<Change> = Vec::new();
    let mut from = Vec::new();
    loop {
        let mut next = None;
        store.walk(Table::Scores, &from, &mut |key, _| {
            let model = key.split(|b| *b == 0).next().unwrap_or_default();
            let young = end_key(model, horizon(&String::from_utf8_lossy(model)));
            if key >= young.as_slice() || old.len() == most {
                next = Some([model, &[1]].concat());
                return false;
            }
            old.push(Change { table: Table::Scores, key: key.to_vec(), value: None });
            true
        })?;
        match next {
            Some(model) if old.len() < most => from = model,
            _ => break,
        }
    }
    if !old.is_empty() {
        store.commit(&old)?;
    }
    Ok(old.len() < most)
}

fn same_window(a: &ScoreLine, b: &ScoreLine) -> bool {
    a.model == b.model
        && a.window.end == b.window.end
        && a.window.start == b.window.start
        && a.monitor == b.monitor
        && a.version == b.version
        && a.series == b.series
        && a.segment == b.segment
}

impl ScoreQuery {
    fn matches(&self, line: &ScoreLine) -> bool {
        self.model.as_deref().is_none_or(|m| m == &*line.model)
            && self.monitor.as_deref().is_none_or(|m| m == &*line.monitor)
            && self.series.as_deref().is_none_or(|s| s == &*line.series)
            && self.segment.as_ref().is_none_or(|s| *s == line.segment)
            && self.from.is_none_or(|from| line.window.end > from)
            && self.to.is_none_or(|to| line.window.end <= to)
    }
}
