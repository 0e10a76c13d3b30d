//! What pipelines report, once, twice and too late.

use std::sync::Arc;

use super::world::*;
use crate::engine::io::{Effects, Input};
use crate::engine::{Engine, callback_token};
use crate::event::{Span, Time};
use crate::lines::{RunLine, RunState};
use crate::plan::RetrainPlan;
use crate::policy::message::{Command, Reply, RunReport};

const TIMEOUT: Span = Span::from_secs(3600);

/// An engine with a run in flight, and the run.
fn asked() -> (Engine, RunLine) {
    let mut plan = plan();
    plan.models[0].retrain = Some(RetrainPlan {
        trainer: "pipeline".into(),
        timeout: TIMEOUT,
        budget: 10,
        deployed_share: 0.5,
    });
    let mut engine = Engine::new(Arc::new(plan), [7; 32]);
    engine.set_clock(Time(0));
    let Reply::Run(run) = engine.ask_by_hand("demand", "by hand", &mut Effects::default()) else {
        panic!("no run was asked for")
    };
    (engine, run)
}

fn report(engine: &mut Engine, run: &str, state: RunReport, version: &str) -> (Reply, Effects) {
    let command = Command::Callback {
        run: run.to_owned(),
        state,
        version: Some(version.to_owned()),
        url: None,
        message: None,
    };
    let mut effects = engine.step(Input::Command(command));
    (effects.reply.take().unwrap(), effects)
}

fn line(engine: &Engine) -> RunLine {
    engine.status().runs[0].clone()
}

#[test]
fn a_report_repeated_after_the_run_is_over_changes_nothing() {
    let (mut engine, run) = asked();
    for state in [RunReport::Running, RunReport::Failed] {
        assert!(matches!(report(&mut engine, &run.id, state, "v2").0, Reply::Run(_)));
    }
    let over = line(&engine);
    assert_eq!(over.state, RunState::Failed);
    for state in [RunReport::Running, RunReport::Succeeded, RunReport::Failed] {
        engine.step(Input::Tick(Time(HOUR / 2)));
        let (reply, effects) = report(&mut engine, &run.id, state, "v3");
        assert!(matches!(&reply, Reply::Refused(why) if why.contains("is over")), "{reply:?}");
        assert!(effects.messages.is_empty());
        assert_eq!(line(&engine), over);
    }
}

#[test]
fn a_report_that_was_overtaken_does_not_turn_back() {
    let (mut engine, run) = asked();
    report(&mut engine, &run.id, RunReport::Succeeded, "v2");
    let done = line(&engine);
    report(&mut engine, &run.id, RunReport::Running, "v1");
    assert_eq!((done.state, line(&engine)), (RunState::Succeeded, done));
}

#[test]
fn after_its_timeout_a_run_takes_no_reports() {
    let (mut engine, run) = asked();
    engine.step(Input::Tick(Time(TIMEOUT.0 + 1_000_000)));
    assert_eq!(line(&engine).state, RunState::TimedOut);
    let (reply, _) = report(&mut engine, &run.id, RunReport::Succeeded, "v2");
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    let (reply, _) = report(&mut engine, "run-0000000000000000", RunReport::Succeeded, "v2");
    assert!(matches!(reply, Reply::NotFound(_)), "{reply:?}");
}

#[test]
fn each_run_and_each_installation_has_its_own_token() {
    let tokens: std::collections::BTreeSet<String> = [[7; 32], [8; 32]]
        .iter()
        .flat_map(|secret| ["run-1", "run-2", ""].map(|run| callback_token(secret, run)))
        .collect();
    assert_eq!(tokens.len(), 6);
    assert!(tokens.iter().all(|token| token.len() == 64));
    let (engine, run) = asked();
    let sent = &engine.pending_messages()[0].0.data;
    assert!(sent.contains(&callback_token(&[7; 32], &run.id)), "{sent}");
}
