//! A backlog that is read after an outage: what it holds is long over, or still fires.

use super::world::*;
use crate::engine::io::Input;
use crate::event::{Span, Time};
use crate::lines::{IncidentState, RowState, Suppressed};
use crate::policy::message::MessageKind;

const HOURS: i64 = 48;

/// One prediction a minute; within these hours all fares have moved to the highest.
fn backlog(bad: &[std::ops::Range<i64>]) -> Vec<Record> {
    let moved = |minute: i64| bad.iter().any(|hours| hours.contains(&(minute / 60)));
    (0..HOURS * 60)
        .map(|minute| Record::Prediction {
            id: minute as u64,
            time: minute * MINUTE,
            version: "v1",
            fare: if moved(minute) { 99.0 } else { ((minute * 37) % 100) as f64 },
            city: "Oslo",
            said: 10.0,
        })
        .collect()
}

/// Read in one go, an hour in each slab, when all of it has been written.
fn read(bad: &[std::ops::Range<i64>]) -> House {
    let mut plan = plan();
    plan.act_within = Span(6 * HOUR);
    plan.storm = 1;
    plan.models[0].outcomes = None;
    plan.models[0].monitors.truncate(1);
    let monitor = &mut plan.models[0].monitors[0];
    (monitor.by, monitor.cooldown) = (Vec::new(), Span(0));
    let mut house = House::new(plan);
    let (p, log) = (partition("p", 0), backlog(bad));
    house.own(std::slice::from_ref(&p));
    house.step(Input::EndOffset { partition: p.clone(), end: log.len() as i64 });
    for hour in 0..HOURS as usize {
        house.step(Input::Tick(Time(HOURS * HOUR)));
        let mut slab = slab(&p, &log, hour * 60, (hour + 1) * 60);
        slab.read_at = Time(HOURS * HOUR);
        house.feed(slab);
        house.commit();
    }
    house
}

#[test]
fn nobody_hears_of_what_began_and_ended_while_nothing_was_read() {
    let bad: Vec<_> = (0..5).map(|n| 4 + 6 * n..6 + 6 * n).collect();
    let house = read(&bad);
    let incidents = house.incidents();
    assert_eq!(incidents.len(), 5, "{incidents:?}");
    assert!(incidents.iter().all(|i| i.state == IncidentState::Resolved));
    assert!(incidents.iter().all(|i| i.suppressed == Some(Suppressed::Historic)));
    assert!(house.sent.is_empty(), "{:?}", house.sent);
}

#[test]
fn what_still_fires_once_all_is_read_is_told_once_and_as_history() {
    let house = read(&[4..8, 30..HOURS]);
    let firing: Vec<_> =
        house.incidents().into_iter().filter(|i| i.state == IncidentState::Firing).collect();
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!((firing[0].opened, firing[0].suppressed), (Time(31 * HOUR), None));
    let owed: Vec<_> = house.engine.pending_messages().into_iter().map(|(m, _)| m).collect();
    assert_eq!(owed.len(), 1, "{owed:?}");
    assert_eq!((owed[0].kind, &owed[0].key), (MessageKind::Firing, &firing[0].key));
    assert!(owed[0].data.contains("\"historic\":true"), "{}", owed[0].data);
    assert!(house.engine.status().outbox.iter().all(|row| row.state == RowState::Pending));
}
