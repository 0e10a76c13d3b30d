//! What is owed to a receiver that accepts nothing for hours.

use std::sync::Arc;

use super::world::*;
use crate::detect::Severity;
use crate::engine::Engine;
use crate::engine::io::{Effects, Input};
use crate::engine::pipeline::{RETRAINING, builtin_line};
use crate::event::Time;
use crate::lines::RowState;
use crate::policy::Finding;
use crate::policy::message::{Delivery, Message, MessageKind, Receipt};

/// An engine whose incidents go to `oncall`.
struct Down {
    engine: Engine,
    minute: i64,
}

impl Down {
    fn new() -> Down {
        let mut plan = plan();
        plan.models[0].notify.critical = vec!["oncall".into()];
        let mut engine = Engine::new(Arc::new(plan), [7; 32]);
        engine.set_clock(Time(0));
        Down { engine, minute: 0 }
    }

    /// A minute passes; then these runs are the ones that failed.
    fn failed(&mut self, runs: &[String]) -> Effects {
        self.minute += 1;
        let now = Time(self.minute * MINUTE);
        self.engine.step(Input::Tick(now));
        let finding = |run: &String| Finding {
            severity: Severity::Critical,
            line: builtin_line("demand", RETRAINING, run, "failed_runs", 1.0, now),
            level: Some(0.0),
            reference_score: None,
            attribution: None,
        };
        let mut effects = Effects::default();
        let findings = runs.iter().map(finding).collect();
        self.engine.settle_builtin(0, RETRAINING, findings, &mut effects);
        effects
    }

    fn owed(&self) -> Vec<MessageKind> {
        self.engine.pending_messages().iter().map(|(message, _)| message.kind).collect()
    }

    fn rows(&self, state: RowState) -> usize {
        self.engine.status().outbox.iter().filter(|row| row.state == state).count()
    }
}

fn run(n: usize) -> String {
    format!("run-{n:03}")
}

#[test]
fn an_incident_owes_its_beginning_and_one_update_however_often_it_changes() {
    let mut down = Down::new();
    let mut runs = Vec::new();
    for n in 0..200 {
        runs.push(run(n));
        let effects = down.failed(&runs);
        assert_eq!(effects.messages.len(), 1, "run {n}");
        assert!(down.owed().len() <= 2, "{:?}", down.owed());
    }
    assert_eq!(down.owed(), [MessageKind::Firing, MessageKind::Updated]);
    assert_eq!(down.rows(RowState::Superseded), 198);
    let update = &down.engine.pending_messages()[1].0;
    assert!(update.data.contains("\"findings_total\":200"), "the latest says it all");
    let over = down.failed(&[]);
    assert_eq!(down.owed(), [MessageKind::Resolved]);
    assert_eq!(over.cancelled.len(), 2);
}

#[test]
fn beginnings_and_ends_that_come_and_go_owe_three_messages_at_most() {
    let mut down = Down::new();
    let mut keys = std::collections::BTreeSet::new();
    for n in 0..100 {
        // Beyond the cooldown of an hour it is another incident with messages of its own.
        down.failed(&[run(n)]);
        down.failed(&[]);
        keys.extend(down.engine.pending_messages().into_iter().map(|(m, _)| m.key));
    }
    assert!(down.owed().len() <= 3 * keys.len(), "{:?} of {} incidents", down.owed(), keys.len());
    assert!(keys.len() <= 4, "{} incidents in 200 minutes", keys.len());
}

#[test]
fn what_was_accepted_is_not_replaced() {
    let mut down = Down::new();
    let first = down.failed(&[run(0)]).messages.remove(0);
    let accepted = Delivery::Delivered { attempts: 3, reply: None };
    down.engine.step(Input::Receipt(Receipt { id: first.id, result: accepted }));
    down.failed(&[run(0), run(1)]);
    assert_eq!(down.owed(), [MessageKind::Updated]);
    down.failed(&[]);
    assert_eq!(down.owed(), [MessageKind::Resolved]);
    assert_eq!((down.rows(RowState::Delivered), down.rows(RowState::Superseded)), (1, 1));
}

#[test]
fn a_request_to_a_trainer_of_the_same_name_stands() {
    let mut down = Down::new();
    let first = down.failed(&[run(0)]).messages.remove(0);
    let request = Message {
        id: "msg_0009_request".into(),
        to_trainer: true,
        kind: MessageKind::Retraining,
        run: Some("run-000".into()),
        ..first
    };
    down.engine.put(request, &mut Effects::default());
    down.failed(&[]);
    let mut owed = down.owed();
    owed.sort_unstable();
    assert_eq!(owed, [MessageKind::Resolved, MessageKind::Retraining]);
}
