//! Days of records that nobody read in time: what was wrong then and is not now wakes nobody.

use std::time::Duration;

use crate::company::{Company, HOUR, Hour, RIDES_AN_HOUR};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);
/// Hours that were produced in time and are read days later.
const OLD: i64 = 36;
/// Of them, those in which everything drifts: first ones that are over, then ones that last.
const BAD: [std::ops::Range<i64>; 2] = [8..12, 30..OLD];
const SHIFTED: (f64, f64) = (60.0, 8.0);

#[test]
fn what_drifted_in_a_backlog_is_recorded_and_only_what_still_drifts_is_sent() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    for number in 0..OLD {
        let bad = BAD.iter().any(|hours| hours.contains(&number));
        let (shift, error) = if bad { SHIFTED } else { (0.0, 0.0) };
        let in_time = |records: Vec<Rec>| -> Vec<Rec> {
            let at = (company.start + (number + 1) * HOUR) * 1000;
            records.into_iter().map(|record| record.at(at)).collect()
        };
        let (predictions, outcomes) = company.hour(Hour { number, shift, error }, 2);
        kafka.produce(&company.predictions, &in_time(predictions));
        kafka.produce(&company.outcomes, &in_time(outcomes));
    }
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let old = daemon.wait_until("incidents of both monitors, twice", LONG, || {
        let page = daemon.json("/api/v1/incidents");
        let items = page["items"].as_array()?.clone();
        (items.len() >= 4).then_some(items)
    });
    let states = |monitor: &str| -> Vec<String> {
        let of = old.iter().filter(|incident| incident["monitor"] == monitor);
        let mut states: Vec<String> =
            of.map(|incident| incident["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        states
    };
    for monitor in ["drift", "worse"] {
        assert_eq!(states(monitor), ["firing", "resolved"], "{monitor}: {old:#?}");
    }
    for incident in &old {
        assert_eq!(incident["suppressed"], "historic", "{incident:#}");
    }
    std::thread::sleep(Duration::from_secs(2));
    for path in ["/pager", "/events", "/retrain"] {
        assert!(receiver.requests(path).is_empty(), "{path} heard of what was long ago");
    }

    company.produce(&kafka, OLD..OLD + 4, SHIFTED.0, SHIFTED.1);
    daemon.wait_consumed(&company.predictions, (OLD + 4) * RIDES_AN_HOUR);
    receiver.wait_for("/pager", 2, LONG);
    receiver.wait_for("/retrain", 1, LONG);
    std::thread::sleep(Duration::from_secs(2));
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    let firing: Vec<&str> = old
        .iter()
        .filter(|incident| incident["state"] == "firing")
        .map(|incident| incident["key"].as_str().unwrap())
        .collect();
    let pages = receiver.requests("/pager");
    assert_eq!(pages.len(), firing.len(), "each once");
    for page in pages {
        let page = page.json();
        assert_eq!(page["event_action"], "trigger");
        let key = page["dedup_key"].as_str().unwrap();
        assert!(firing.contains(&key), "{key} was over, or is a second one of what lasts");
    }
    assert_eq!(receiver.requests("/retrain").len(), 1);
}
