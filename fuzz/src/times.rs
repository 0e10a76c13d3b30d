//! Small texts: times, lengths of time, paths.

use driftd::event::{Span, Time};
use driftd::wire::Path;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(time) = Time::parse(text) {
        assert_eq!(Time::parse(&time.to_string()), Ok(time));
        let hour = Span::from_secs(3_600);
        assert!(time.floor_to(hour) <= time && time <= time.ceil_to(hour));
    }
    if let Ok(span) = Span::parse(text) {
        assert!(span.0 >= 0);
        assert_eq!(Span::parse(&span.to_string()), Ok(span), "{span}");
    }
    if let Ok(path) = Path::parse(text) {
        assert_eq!(path.as_str(), text);
    }
    #[cfg(feature = "daemon")]
    if let Some(pause) = driftd::notify::http::retry_after(text, Time(1_767_225_600_000_000)) {
        assert!(pause <= driftd::notify::http::LONGEST_PAUSE);
    }
}
