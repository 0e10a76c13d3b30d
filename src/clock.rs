//! Our clock: the only place that asks the machine for the time.
//!
//! Everything else takes a [`Clock`], so that retries, timeouts and ages are tested in no time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::event::Time;

/// A future that has no name.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The machine's civil time.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Tells the time.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// Civil time; may jump when somebody sets the machine's clock.
    fn now(&self) -> Time;

    /// Time since some fixed instant; never goes back.
    fn monotonic(&self) -> Duration;

    /// Completes once [`Clock::monotonic`] has reached `until`.
    fn sleep_until(&self, until: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    pub fn new() -> Arc<SystemClock> {
        Arc::new(SystemClock { start: Instant::now() })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, until: Duration) -> BoxFuture<'static, ()> {
        let deadline = tokio::time::Instant::from_std(self.start + until);
        Box::pin(tokio::time::sleep_until(deadline))
    }
}

/// A clock that stands still until somebody moves it.
#[derive(Debug, Default)]
pub struct ManualClock {
    state: Mutex<Manual>,
}

#[derive(Debug, Default)]
struct Manual {
    start: Time,
    elapsed: Duration,
    sleepers: BTreeMap<Duration, Vec<oneshot::Sender<()>>>,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: Time) -> Arc<ManualClock> {
        let state = Manual { start, ..Manual::default() };
        Arc::new(ManualClock { state: Mutex::new(state) })
    }

    /// Moves time on and wakes who slept until then.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.elapsed += by;
        let after = state.elapsed + Duration::from_nanos(1);
        let later = state.sleepers.split_off(&after);
        for sleeper in std::mem::replace(&mut state.sleepers, later).into_values().flatten() {
            // A sleeper that was dropped needs no waking.
            let _ = sleeper.send(());
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Time(state.start.0 + i64::try_from(state.elapsed.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).elapsed
    }

    fn sleep_until(&self, until: Duration) -> BoxFuture<'static, ()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if until <= state.elapsed {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        state.sleepers.entry(until).or_default().push(wake);
        Box::pin(async move {
            // A clock that is gone moves no more: wake up rather than sleep for ever.
            let _ = woken.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_at_the_instant_and_not_before() {
        let clock = ManualClock::at(Time(5));
        let sleeping = tokio::spawn(clock.sleep_until(Duration::from_secs(2)));
        clock.advance(Duration::from_millis(1_999));
        tokio::task::yield_now().await;
        assert!(!sleeping.is_finished());
        clock.advance(Duration::from_millis(1));
        sleeping.await.unwrap();
        assert_eq!((clock.now(), clock.monotonic()), (Time(2_000_005), Duration::from_secs(2)));
    }

    #[tokio::test]
    async fn the_machines_clock_is_after_2024_and_sleeps() {
        let clock = SystemClock::new();
        assert!(clock.now() > Time::parse("2024-01-01T00:00:00Z").unwrap());
        let until = clock.monotonic() + Duration::from_millis(20);
        clock.sleep_until(until).await;
        assert!(clock.monotonic() >= until);
    }
}
