use serde_json::{Value, json};

use super::*;
use crate::notify::tests::{Stub, context, message, params, plain, redirect};
use crate::policy::message::MessageKind;

fn trainer(url: &str) -> Arc<dyn Trainer> {
    let mut options = params(json!({ "url": url, "secret": "env:HOOK", "request_timeout": "2s" }));
    let built = (TRAINERS[0].build)(&mut options, &context()).unwrap();
    assert_eq!(options.left_over().next(), None);
    built
}

fn request() -> Message {
    let mut data: Value = serde_json::from_str(&message().data).unwrap();
    data["run"] = json!({
        "id": "run-1",
        "callback": { "url": "http://127.0.0.1:7438/api/v1/runs/run-1", "token": "canary-token" },
    });
    Message {
        to: "demand-pipeline".into(),
        to_trainer: true,
        kind: MessageKind::Retraining,
        run: Some("run-1".into()),
        data: data.to_string(),
        ..message()
    }
}

fn attempt() -> Attempt {
    Attempt { number: 1, at: crate::clock::now() }
}

#[tokio::test]
async fn a_request_is_a_signed_message_with_its_callback() {
    let stub = Stub::status(202).await;
    let started = trainer(&format!("{}/retrain", stub.url)).start(&request(), attempt()).await;
    assert_eq!(started.unwrap().reply.as_deref(), Some("said so"));
    let seen = stub.last();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["type"], "retraining.requested");
    assert_eq!(body["data"]["run"]["callback"]["token"], "canary-token");
    let verifier =
        standardwebhooks::Webhook::new("whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5").unwrap();
    verifier.verify(&seen.body, &seen.headers).unwrap();
}

#[tokio::test]
async fn a_run_that_is_there_already_is_success() {
    let stub = Stub::status(409).await;
    assert!(trainer(&stub.url).start(&request(), attempt()).await.is_ok());
    let stub = Stub::status(404).await;
    let error = trainer(&stub.url).start(&request(), attempt()).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Permanent { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_is_named_and_nobody_is_asked_to_train_elsewhere() {
    let goal = Stub::status(202).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/elsewhere?t=canary", goal.url);
        let stub = Stub::answering(move |_, _| redirect(status, &to)).await;
        let error = trainer(&stub.url).start(&request(), attempt()).await.unwrap_err();
        let told = error.to_string();
        assert!(told.contains(&goal.url) && !told.contains("canary"), "{status}: {told}");
        assert_eq!(stub.count(), 1);
    }
    assert_eq!(goal.count(), 0);
}

#[tokio::test]
async fn a_reply_that_repeats_the_callbacks_token_does_not_leak_it() {
    for status in [200, 400] {
        let stub = Stub::answering(move |_, seen| {
            plain(status, &String::from_utf8_lossy(&seen.body)[seen.body.len() - 150..])
        })
        .await;
        let said = format!("{:?}", trainer(&stub.url).start(&request(), attempt()).await);
        assert!(said.contains("***") && !said.contains("canary-token"), "{said}");
    }
}

#[tokio::test]
async fn trainers_that_call_back_are_neither_found_nor_polled() {
    let trainer = trainer("http://127.0.0.1:1");
    assert_eq!(trainer.find("run-1").await, Ok(None));
    assert_eq!(trainer.callback_keys().len(), 1);
    assert!(TRAINERS.iter().all(|k| !k.summary.is_empty() && !k.options.is_empty()));
}
