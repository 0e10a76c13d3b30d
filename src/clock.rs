//! The only place that asks the time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::event::Time;

/// Our clock now; before 1970 it is 1970.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
