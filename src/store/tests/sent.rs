//! What was sent.

use super::super::sent::{Known, Sent, sent_summary};
use super::*;
use crate::event::Span;
use crate::lines::Severity;
use crate::policy::message::{Message, MessageKind};

fn message(id: &str, key: &str, kind: MessageKind, data: &str) -> Message {
    Message {
        id: id.into(),
        key: key.into(),
        to: "oncall".into(),
        to_trainer: kind == MessageKind::Retraining,
        kind,
        severity: Severity::Critical,
        created: Time(1),
        data: data.into(),
        run: None,
    }
}

fn firing(id: &str, key: &str) -> Message {
    message(id, key, MessageKind::Firing, "{}")
}

#[test]
fn what_was_accepted_is_known_and_what_was_sent_keeps_its_body() {
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Sent::open(folder.path()).unwrap();
    let first = firing("m1", "a");
    assert_eq!(sent.known(&first), Known::Nothing);
    sent.note(&[first.clone(), firing("m2", "b")], Time(5)).unwrap();
    sent.note_delivered("m1", 3).unwrap();
    sent.note_delivered("nobody", 1).unwrap();
    let again = |id: &str, key: &str| message(id, key, MessageKind::Firing, "{\"other\":1}");
    for _ in 0..2 {
        assert_eq!(sent.known(&again("m1", "a")), Known::Delivered(3));
        assert_eq!(sent.known(&again("m2", "b")), Known::Sent(Box::new(firing("m2", "b"))));
        // Numbered otherwise, but the first word about this incident to this receiver.
        assert_eq!(sent.known(&again("m9", "a")), Known::Delivered(3));
        assert_eq!(sent.known(&again("m9", "b")), Known::Nothing);
        assert_eq!(sent.known(&message("m3", "a", MessageKind::Resolved, "{}")), Known::Nothing);
        drop(sent);
        sent = Sent::open(folder.path()).unwrap();
    }
    // After a resolve the same incident may open again.
    sent.note(&[message("m3", "a", MessageKind::Resolved, "{}")], Time(6)).unwrap();
    assert_eq!(sent.known(&again("m9", "a")), Known::Nothing);
    assert_eq!(sent.known(&again("m1", "a")), Known::Delivered(3));
}

#[test]
fn a_page_that_was_sent_in_vain_is_over_once_the_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Sent::open(folder.path()).unwrap();
    let (page, run) = (firing("m1", "a"), message("m2", "a", MessageKind::Retraining, "{}"));
    sent.note(&[page.clone(), run.clone()], Time(1)).unwrap();
    assert_eq!(sent.known(&page), Known::Sent(Box::new(page.clone())));
    sent.note(&[message("m3", "a", MessageKind::Resolved, "{}")], Time(2)).unwrap();
    let sent = Sent::open(folder.path()).unwrap();
    assert_eq!(sent.known(&page), Known::Over);
    // What a pipeline was asked for is not over with the incident.
    assert_eq!(sent.known(&run), Known::Sent(Box::new(run)));
}

#[test]
fn a_torn_record_is_cut_off_and_a_broken_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.log");
    let mut sent = Sent::open(folder.path()).unwrap();
    for n in 0..5 {
        sent.note(&[firing(&format!("m{n}"), &format!("k{n}"))], Time(0)).unwrap();
    }
    drop(sent);
    let whole = std::fs::read(&path).unwrap();
    let length = whole.len() / 5;
    for lost in 1..=length {
        std::fs::write(&path, &whole[..whole.len() - lost]).unwrap();
        assert!(sent_summary(folder.path()).unwrap().broken.is_empty());
        let mut sent = Sent::open(folder.path()).unwrap();
        assert_eq!(sent.known(&firing("m4", "k4")), Known::Nothing);
        sent.note(&[firing("m5", "k5")], Time(5)).unwrap();
        drop(sent);
        let sent = Sent::open(folder.path()).unwrap();
        assert!(matches!(sent.known(&firing("m3", "k3")), Known::Sent(_)));
        assert!(matches!(sent.known(&firing("m5", "k5")), Known::Sent(_)));
    }
    for at in [0, 20, length / 2, length - 1] {
        let mut broken = whole.clone();
        broken[length + at] ^= 1;
        std::fs::write(&path, broken).unwrap();
        let summary = sent_summary(folder.path()).unwrap();
        assert_eq!(summary.broken.first(), Some(&2), "{at}");
        let sent = Sent::open(folder.path()).unwrap();
        assert_eq!(sent.known(&firing("m1", "k1")), Known::Nothing);
        assert!(matches!(sent.known(&firing("m4", "k4")), Known::Sent(_)));
    }
}

#[test]
fn the_file_stays_small_and_forgets_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Sent::open(folder.path()).unwrap();
    let size = || std::fs::metadata(folder.path().join("sent.log")).unwrap().len();
    let day = Span::from_secs(86_400);
    let mut most = 0;
    for n in 0..3_000i64 {
        let now = Time(n * day.0 / 10);
        let id = format!("m{n}");
        sent.note(&[message(&id, &id, MessageKind::Firing, &"x".repeat(1_000))], now).unwrap();
        sent.note_delivered(&id, 1).unwrap();
        sent.tidy(now).unwrap();
        most = most.max(size());
    }
    assert!(most < 3_000_000, "{most}");
    let sent = Sent::open(folder.path()).unwrap();
    assert_eq!(sent.known(&firing("m2999", "m2999")), Known::Delivered(1));
    assert_eq!(sent.known(&firing("m100", "m100")), Known::Nothing);
    assert!(sent_summary(folder.path()).unwrap().messages < 1_500);
}
