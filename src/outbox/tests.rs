use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::UnboundedReceiver;

use super::lanes::{After, Lanes, PLACES, pause};
use super::*;
use crate::clock::{BoxFuture, Clock, ManualClock, SystemClock};
use crate::event::Time;
use crate::lines::Severity;
use crate::metrics::Metrics;
use crate::notify::tests::{Stub, context, params, plain};
use crate::notify::{Attempt, DeliveryError, NOTIFIERS, Notifier};
use crate::policy::message::{Delivery, Message, MessageKind, Receipt};

const SECOND: Duration = Duration::from_secs(1);

fn message(id: &str, key: &str, to: &str) -> Message {
    Message {
        id: id.into(),
        key: key.into(),
        to: to.into(),
        to_trainer: false,
        kind: MessageKind::Firing,
        severity: Severity::Critical,
        created: Time(0),
        data: "{}".into(),
        run: None,
    }
}

fn ids(started: &[(Message, u32)]) -> Vec<&str> {
    started.iter().map(|(m, _)| m.id.as_str()).collect()
}

#[test]
fn pauses_double_from_a_second_to_a_minute_and_obey_the_receiver() {
    let plain = |n| pause(n, None, 0.5).as_secs_f64();
    let steps: Vec<f64> = [1, 2, 3, 6, 7, 8, 40].into_iter().map(plain).collect();
    assert_eq!(steps, [1.0, 2.0, 4.0, 32.0, 60.0, 60.0, 60.0]);
    assert_eq!(pause(1, None, 0.0), SECOND.mul_f64(0.8));
    assert_eq!(pause(1, None, 1.0), SECOND.mul_f64(1.2));
    assert_eq!(pause(1, Some(SECOND * 90), 0.5), SECOND * 90);
    assert_eq!(pause(9, Some(SECOND), 0.5), SECOND * 60);
}

#[test]
fn a_lane_keeps_its_order_and_others_do_not_wait() {
    let mut lanes = Lanes::default();
    let zero = Duration::ZERO;
    lanes.push(message("a1", "a", "x"), 0, zero);
    lanes.push(message("a2", "a", "x"), 0, zero);
    lanes.push(message("a2", "a", "x"), 0, zero);
    lanes.push(message("b1", "b", "x"), 0, zero);
    lanes.push(message("a9", "a", "y"), 0, zero);
    assert_eq!(ids(&lanes.start(zero)), ["a1", "a9", "b1"]);
    assert_eq!(lanes.next(), None);
    assert_eq!(lanes.failed("a1", SECOND, zero), After::Again);
    assert_eq!(lanes.next(), Some(SECOND));
    assert!(lanes.start(SECOND / 2).is_empty());
    let again = lanes.start(SECOND);
    assert_eq!((ids(&again), again[0].1), (vec!["a1"], 2));
    assert!(!lanes.drop_first("a1", SECOND));
    assert_eq!(ids(&lanes.start(SECOND)), ["a2"]);
    lanes.drop_first("a2", SECOND);
    assert!(lanes.start(SECOND * 1_000).is_empty());
}

#[tokio::test]
async fn after_a_restart_numbers_and_pauses_go_on() {
    let mut desk = Desk::new();
    desk.handle.send(message("a1", "a", "down"), 6);
    assert_eq!(desk.settle().await, pairs(&[("a1", "retrying 7")]));
    assert_eq!(desk.pass(45).await, [], "the pause after the seventh failure is a minute");
    assert_eq!(desk.pass(30).await, pairs(&[("a1", "retrying 8")]));
}

#[test]
fn superseded_messages_are_not_tried_again() {
    let mut lanes = Lanes::default();
    let zero = Duration::ZERO;
    for id in ["a1", "a2", "a3"] {
        lanes.push(message(id, "a", "x"), 0, zero);
    }
    assert_eq!(ids(&lanes.start(zero)), ["a1"]);
    assert!(!lanes.cancel("a1", zero), "it is being tried");
    assert!(lanes.cancel("a2", zero));
    assert!(!lanes.cancel("a2", zero));
    assert_eq!(lanes.failed("a1", SECOND * 60, zero), After::Forgotten);
    assert_eq!(ids(&lanes.start(zero)), ["a3"], "nobody waits for a superseded one");
    lanes.failed("a3", SECOND * 60, zero);
    lanes.push(message("a4", "a", "x"), 0, zero);
    assert!(lanes.cancel("a3", SECOND));
    assert_eq!(ids(&lanes.start(SECOND)), ["a4"], "nor for the pause of one");
}

#[test]
fn a_receiver_takes_its_own_places_only() {
    let mut lanes = Lanes::default();
    let zero = Duration::ZERO;
    for n in 0..10 {
        lanes.push(message(&format!("s{n}"), &format!("k{n}"), "slow"), 0, zero);
    }
    lanes.push(message("q", "k9", "quick"), 0, zero);
    let started = lanes.start(zero);
    assert_eq!(started.len(), PLACES + 1);
    assert!(ids(&started).contains(&"q"));
    assert_eq!(lanes.next(), None, "no place is free");
    lanes.drop_first("s0", zero);
    assert_eq!(lanes.next(), Some(zero));
    assert_eq!(ids(&lanes.start(zero)), ["s4"]);
}

/// A notifier that answers as it is told.
#[derive(Debug, Default)]
struct Fake {
    down: Mutex<bool>,
    tried: Mutex<Vec<(String, u32, Duration)>>,
    clock: Option<Arc<ManualClock>>,
    /// The pause that it asks for while it is down.
    after: Mutex<Option<Duration>>,
}

impl Notifier for Fake {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        let at = self.clock.as_ref().map(|c| c.monotonic()).unwrap_or_default();
        self.tried.lock().unwrap().push((message.id.clone(), attempt.number, at));
        assert!(!message.id.starts_with("panic") || attempt.number > 1, "as planned");
        let result = match (message.id.as_str(), *self.down.lock().unwrap()) {
            ("refused", _) => Err(DeliveryError::permanent("answered 404")),
            (_, true) => {
                let after = *self.after.lock().unwrap();
                Err(DeliveryError::Retry { after, why: "down".to_owned() })
            }
            _ => Ok(Some("thanks".to_owned())),
        };
        Box::pin(std::future::ready(result))
    }
}

struct Desk {
    clock: Arc<ManualClock>,
    down: Arc<Fake>,
    up: Arc<Fake>,
    handle: Handle,
    receipts: UnboundedReceiver<Receipt>,
}

impl Desk {
    fn new() -> Desk {
        let clock = ManualClock::at(Time(0));
        let fake = |down| {
            let clock = Some(Arc::clone(&clock));
            Arc::new(Fake { down: Mutex::new(down), clock, ..Fake::default() })
        };
        let (down, up) = (fake(true), fake(false));
        let notifiers: BTreeMap<String, Arc<dyn Notifier>> = [
            ("down".to_owned(), Arc::clone(&down) as Arc<dyn Notifier>),
            ("up".to_owned(), Arc::clone(&up) as Arc<dyn Notifier>),
        ]
        .into();
        let receivers = Receivers { notifiers, ..Receivers::default() };
        let (sender, receipts) = mpsc::unbounded_channel();
        let (dispatcher, handle) =
            Dispatcher::new(receivers, clock.clone(), Metrics::default(), sender);
        tokio::spawn(dispatcher.run());
        Desk { clock, down, up, handle, receipts }
    }

    /// Lets every task go as far as it can without time passing.
    async fn settle(&mut self) -> Vec<(String, String)> {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let mut words = Vec::new();
        while let Ok(receipt) = self.receipts.try_recv() {
            let word = match receipt.result {
                Delivery::Delivered { attempts, .. } => format!("delivered {attempts}"),
                Delivery::Retrying { attempts, .. } => format!("retrying {attempts}"),
                Delivery::Dead { attempts, error } => format!("dead {attempts}: {error}"),
            };
            words.push((receipt.id, word));
        }
        words.sort();
        words
    }

    async fn pass(&mut self, seconds: u64) -> Vec<(String, String)> {
        let mut words = Vec::new();
        for _ in 0..seconds * 2 {
            self.clock.advance(SECOND / 2);
            words.extend(self.settle().await);
        }
        words
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn one_receiver_down_delays_no_other_and_order_is_kept() {
    let mut desk = Desk::new();
    desk.handle.send(message("a1", "a", "down"), 0);
    desk.handle.send(message("a2", "a", "down"), 0);
    desk.handle.send(message("a1up", "a", "up"), 0);
    desk.handle.send(message("a2up", "a", "up"), 0);
    assert_eq!(
        desk.settle().await,
        pairs(&[("a1", "retrying 1"), ("a1up", "delivered 1"), ("a2up", "delivered 1")])
    );
    let order: Vec<String> =
        desk.up.tried.lock().unwrap().iter().map(|(id, ..)| id.clone()).collect();
    assert_eq!(order, ["a1up", "a2up"]);
    desk.pass(10).await;
    *desk.down.down.lock().unwrap() = false;
    let after = desk.pass(10).await;
    assert!(after[0].1.starts_with("delivered") && after[0].0 == "a1", "{after:?}");
    assert_eq!(after[1], ("a2".to_owned(), "delivered 1".to_owned()));
}

#[tokio::test]
async fn six_hours_down_stay_polite_and_end_in_delivery() {
    let mut desk = Desk::new();
    desk.handle.send(message("a1", "a", "down"), 0);
    desk.settle().await;
    for _ in 0..6 * 60 {
        desk.clock.advance(SECOND * 60);
        desk.settle().await;
    }
    let tried = desk.down.tried.lock().unwrap().clone();
    assert!((150..=370).contains(&tried.len()), "{} attempts in six hours", tried.len());
    let gap = |i: usize| (tried[i + 1].2 - tried[i].2).as_secs_f64();
    assert!((10..tried.len() - 1).all(|i| (48.0..=132.0).contains(&gap(i))));
    *desk.down.down.lock().unwrap() = false;
    let words = desk.pass(75).await;
    assert_eq!(words.len(), 1);
    assert!(words[0].1.starts_with("delivered"), "{words:?}");
}

#[tokio::test]
async fn what_nobody_takes_is_dead_after_give_up_and_refusals_at_once() {
    let mut desk = Desk::new();
    desk.handle.send(message("refused", "a", "up"), 0);
    desk.handle.send(message("next", "a", "up"), 0);
    assert_eq!(
        desk.settle().await,
        pairs(&[("next", "delivered 1"), ("refused", "dead 1: answered 404")])
    );
    desk.handle.send(message("a1", "a", "down"), 0);
    let mut words = desk.settle().await;
    for _ in 0..25 * 60 {
        desk.clock.advance(SECOND * 60);
        words.extend(desk.settle().await);
    }
    let dead: Vec<_> = words.iter().filter(|(_, w)| w.starts_with("dead")).collect();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].1.contains("given up after 1d: down"), "{dead:?}");
    assert!(words.last().unwrap().1.starts_with("dead"));
}

#[tokio::test]
async fn the_last_attempt_is_made_when_the_time_is_up() {
    let mut desk = Desk::new();
    *desk.down.after.lock().unwrap() = Some(SECOND * 3_000);
    desk.handle.send(message("a1", "a", "down"), 0);
    let mut words = desk.settle().await;
    for _ in 0..24 * 60 - 1 {
        desk.clock.advance(SECOND * 60);
        words.extend(desk.settle().await);
    }
    assert!(words.iter().all(|(_, word)| word.starts_with("retrying")), "{words:?}");
    assert_eq!(words.len(), 29, "every 3,000 s of a day");
    // A minute is left, and the receiver wants to be left alone for longer.
    let last = desk.pass(60).await;
    assert_eq!(last.len(), 1, "{last:?}");
    assert!(last[0].1.starts_with("dead 30: given up after 1d"), "{last:?}");
}

#[tokio::test]
async fn a_superseded_message_leaves_no_receipt_and_its_successor_goes() {
    let mut desk = Desk::new();
    desk.handle.send(message("firing", "a", "down"), 0);
    assert_eq!(desk.settle().await, pairs(&[("firing", "retrying 1")]));
    *desk.down.down.lock().unwrap() = false;
    desk.handle.cancel("firing".into());
    desk.handle.send(message("resolved", "a", "down"), 0);
    assert_eq!(desk.settle().await, pairs(&[("resolved", "delivered 1")]));
    assert_eq!(desk.pass(5).await, []);
}

#[tokio::test]
async fn of_what_was_written_in_one_go_a_receiver_that_is_up_hears_beginning_and_end() {
    let mut desk = Desk::new();
    for to in ["up", "down"] {
        for id in ["firing", "update1", "update2", "resolved"] {
            desk.handle.send(message(&format!("{id} {to}"), "a", to), 0);
        }
        for id in ["firing", "update1", "update2"] {
            desk.handle.cancel(format!("{id} {to}"));
        }
    }
    let words = desk.settle().await;
    let heard = [
        ("firing up", "delivered 1"),
        ("resolved down", "retrying 1"),
        ("resolved up", "delivered 1"),
    ];
    assert_eq!(words, pairs(&heard));
}

#[tokio::test]
async fn a_receiver_that_comes_back_with_a_reload_is_tried_at_once() {
    let mut desk = Desk::new();
    desk.handle.send(message("a1", "a", "gone"), 0);
    let words = desk.settle().await;
    assert_eq!(words, pairs(&[("a1", "retrying 1")]));
    let up = Arc::clone(&desk.up) as Arc<dyn Notifier>;
    let notifiers = [("gone".to_owned(), up)].into();
    desk.handle.receivers(Receivers { notifiers, ..Receivers::default() });
    assert_eq!(desk.settle().await, pairs(&[("a1", "delivered 2")]));
}

#[tokio::test]
async fn a_notifier_that_panics_costs_one_attempt() {
    let mut desk = Desk::new();
    desk.handle.send(message("panic", "a", "up"), 0);
    assert_eq!(desk.settle().await, pairs(&[("panic", "retrying 1")]));
    assert_eq!(desk.pass(2).await, pairs(&[("panic", "delivered 2")]));
}

#[tokio::test]
async fn a_test_message_goes_past_the_lanes_once() {
    let mut desk = Desk::new();
    let test = |to: &str| marked_test("rides-prod", to, &*desk.clock);
    assert_eq!(desk.handle.test(test("up")).await, Ok(Some("thanks".to_owned())));
    assert_eq!(desk.handle.test(test("nobody")).await, Err(TestFailed::Unknown("nobody".into())));
    assert_eq!(desk.handle.test(test("down")).await, Err(TestFailed::NotAccepted("down".into())));
    assert_ne!(test("up").id, test("up").id);
    assert_eq!(desk.pass(5).await, []);
    assert_eq!(desk.down.tried.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_real_receiver_sees_one_id_and_one_body_over_all_attempts() {
    let stub = Stub::answering(|number, _| plain(if number < 3 { 503 } else { 200 }, "")).await;
    let mut options = params(serde_json::json!({ "url": stub.url, "secret": "env:HOOK" }));
    let webhook = NOTIFIERS.iter().find(|k| k.name == "webhook").unwrap();
    let notifier = (webhook.build)(&mut options, &context()).unwrap();
    let receivers =
        Receivers { notifiers: [("hook".to_owned(), notifier)].into(), ..Receivers::default() };
    let (sender, mut receipts) = mpsc::unbounded_channel();
    let clock = SystemClock::new();
    let (dispatcher, handle) =
        Dispatcher::new(receivers, clock.clone(), Metrics::default(), sender);
    let running = tokio::spawn(dispatcher.run());
    handle.send(Message { created: clock.now(), ..message("msg_1", "a", "hook") }, 0);
    let mut words = Vec::new();
    while words.len() < 3 {
        words.push(receipts.recv().await.unwrap().result);
    }
    assert!(matches!(words[1], Delivery::Retrying { attempts: 2, .. }), "{words:?}");
    assert_eq!(words[2], Delivery::Delivered { attempts: 3, reply: None });
    let seen = stub.seen.lock().unwrap().clone();
    assert!(seen.iter().all(|s| s.body == seen[0].body && s.headers["webhook-id"] == "msg_1"));
    drop(handle);
    running.await.unwrap();
}
