//! Writes: who may, and what reaches those who can.

use super::*;
use crate::event::Span;
use crate::lines::Segment;
use crate::policy::message::RunReport;

const WRITES: &[(&str, &str)] = &[
    ("POST", "/-/reload"),
    ("POST", "/api/v1/silences"),
    ("DELETE", "/api/v1/silences/a1"),
    ("POST", "/api/v1/models/demand/retrain"),
    ("POST", "/api/v1/notifiers/oncall/test"),
];

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap())
}

#[tokio::test]
async fn without_a_configured_token_writes_are_off() {
    let api = Api::with(None).await;
    for (method, path) in WRITES {
        let request = api.ask(method.parse().unwrap(), path).bearer_auth("anything");
        let (status, body) = answer(request).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "writes_off"), "{path}");
    }
    assert!(api.control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_token_opens_nothing_and_none_is_repeated() {
    let api = Api::with(Some(TOKEN)).await;
    for (method, path) in WRITES {
        let ask = || api.ask(method.parse().unwrap(), path);
        let half = &TOKEN[..5];
        for request in [
            ask(),
            ask().bearer_auth("wrong"),
            ask().bearer_auth(""),
            ask().bearer_auth(half),
            ask().header("authorization", format!("Basic {TOKEN}")),
            ask().header("authorization", TOKEN),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let text = response.text().await.unwrap();
            assert!(!text.contains("canary"), "{text}");
        }
    }
    assert!(api.control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_method_that_no_route_takes_is_refused_as_such_token_or_not() {
    for token in [None, Some(TOKEN)] {
        let api = Api::with(token).await;
        let (status, body) = answer(api.ask(Method::PUT, "/api/v1/silences")).await;
        assert_eq!((status, code(&body)), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
    }
}

#[tokio::test]
async fn a_silence_is_asked_for_as_it_was_written() {
    let api = Api::with(Some(TOKEN)).await;
    *api.control.reply.lock().unwrap() = Ok(Reply::Silence(fixture::silence()));
    let body = json!({
        "model": "demand", "monitor": "worse", "segment": { "city": "Oslo" },
        "for": "48h", "comment": "festival",
    });
    let request = api.ask(Method::POST, "/api/v1/silences").bearer_auth(TOKEN).json(&body);
    let (status, line) = answer(request).await;
    assert_eq!((status, &line["id"]), (StatusCode::CREATED, &json!("a1b2c3")));
    let expected = Command::Silence {
        model: "demand".into(),
        monitor: Some("worse".into()),
        segment: Segment(vec![("city".into(), "Oslo".into())]),
        from: None,
        length: Span::from_secs(48 * 3600),
        comment: "festival".into(),
    };
    assert_eq!(*api.control.asked.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn bodies_that_make_no_sense_reach_nobody() {
    let api = Api::with(Some(TOKEN)).await;
    let long = "x".repeat(2_001);
    for (path, body) in [
        ("/api/v1/silences", json!({ "model": "demand", "for": "48h" })),
        ("/api/v1/silences", json!({ "model": "demand", "for": "soon", "comment": "x" })),
        ("/api/v1/silences", json!({ "model": "demand", "for": "0s", "comment": "x" })),
        ("/api/v1/silences", json!({ "model": "demand", "for": "1h", "comment": " " })),
        ("/api/v1/silences", json!({ "model": "demand", "for": "1h", "comment": long })),
        ("/api/v1/silences", json!({ "model": "d", "for": "1h", "comment": "x", "form": 1 })),
        ("/api/v1/models/demand/retrain", json!({})),
        ("/api/v1/models/demand/retrain", json!({ "reason": "" })),
    ] {
        let request = api.ask(Method::POST, path).bearer_auth(TOKEN).json(&body);
        let (status, reply) = answer(request).await;
        assert_eq!((status, code(&reply)), (StatusCode::BAD_REQUEST, "bad_request"), "{body}");
    }
    let huge = "x".repeat(70_000);
    let request = api.ask(Method::POST, "/api/v1/silences").bearer_auth(TOKEN).body(huge);
    let (status, reply) = answer(request).await;
    assert_eq!((status, code(&reply)), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
    assert!(api.control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn replies_become_statuses() {
    let api = Api::with(Some(TOKEN)).await;
    for (reply, status, word) in [
        (Ok(Reply::Run(fixture::run())), StatusCode::ACCEPTED, None),
        (Ok(Reply::NotFound("no model".into())), StatusCode::NOT_FOUND, Some("not_found")),
        (Ok(Reply::Refused("budget".into())), StatusCode::CONFLICT, Some("refused")),
        (Err(Unavailable), StatusCode::SERVICE_UNAVAILABLE, Some("unavailable")),
    ] {
        *api.control.reply.lock().unwrap() = reply;
        let request = api.ask(Method::POST, "/api/v1/models/demand/retrain").bearer_auth(TOKEN);
        let (got, body) = answer(request.json(&json!({ "reason": "festival" }))).await;
        assert_eq!(got, status);
        match word {
            Some(word) => assert_eq!(code(&body), word),
            None => assert_eq!(body["type"], "run"),
        }
    }
    let ended = api.ask(Method::DELETE, "/api/v1/silences/a1").bearer_auth(TOKEN);
    *api.control.reply.lock().unwrap() = Ok(Reply::Done);
    assert_eq!(answer(ended).await.0, StatusCode::OK);
    let last = api.control.asked.lock().unwrap().last().cloned();
    assert_eq!(last, Some(Command::ExpireSilence { id: "a1".into() }));
}

#[tokio::test]
async fn a_reload_says_what_needs_a_restart_or_what_is_wrong() {
    let api = Api::with(Some(TOKEN)).await;
    let ask = || api.ask(Method::POST, "/-/reload").bearer_auth(TOKEN);
    let (status, body) = answer(ask()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, json!({ "reloaded": true, "needs_restart": ["http.listen"] }));
    *api.control.reload.lock().unwrap() = Err("driftd.toml:3: topic is missing".to_owned());
    let (status, body) = answer(ask()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "bad_configuration"));
    assert_eq!(body["error"]["message"], "driftd.toml:3: topic is missing");
}

#[tokio::test]
async fn a_test_message_reports_what_came_of_it() {
    let api = Api::with(Some(TOKEN)).await;
    for (name, status) in [
        ("oncall", StatusCode::OK),
        ("down", StatusCode::BAD_GATEWAY),
        ("nobody", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/api/v1/notifiers/{name}/test");
        let (got, body) = answer(api.ask(Method::POST, &path).bearer_auth(TOKEN)).await;
        assert_eq!(got, status, "{body}");
    }
}

const RUN: &str = "run-0011223344556677";

fn report(api: &Api, run: &str) -> RequestBuilder {
    api.ask(Method::POST, &format!("/api/v1/runs/{run}"))
}

#[tokio::test]
async fn a_callback_bears_the_token_of_its_run_and_of_no_other() {
    // Write routes are off; callbacks are not among them.
    let api = Api::with(None).await;
    *api.control.reply.lock().unwrap() = Ok(Reply::Run(fixture::run()));
    let body = json!({ "state": "succeeded", "version": "v13", "url": "https://x/1" });
    for token in ["token-of-run-2", "", TOKEN] {
        let (status, _) = answer(report(&api, RUN).bearer_auth(token).json(&body)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
    }
    assert_eq!(answer(report(&api, RUN).json(&body)).await.0, StatusCode::UNAUTHORIZED);
    let token = format!("token-of-{RUN}");
    let (status, line) = answer(report(&api, RUN).bearer_auth(&token).json(&body)).await;
    assert_eq!((status, &line["id"]), (StatusCode::OK, &json!(RUN)));
    let expected = Command::Callback {
        run: RUN.into(),
        state: RunReport::Succeeded,
        version: Some("v13".into()),
        url: Some("https://x/1".into()),
        message: None,
    };
    assert_eq!(*api.control.asked.lock().unwrap(), [expected]);
    for wrong in [json!({ "state": "done" }), json!({}), json!({ "state": "failed", "x": 1 })] {
        let (status, _) = answer(report(&api, RUN).bearer_auth(&token).json(&wrong)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn a_signed_callback_is_taken_once_fresh_and_for_one_run() {
    let api = Api::with(None).await;
    *api.control.reply.lock().unwrap() = Ok(Reply::Run(fixture::run()));
    let now = api.clock.now().0 / 1_000_000;
    let body = r#"{"state":"running"}"#;
    // Signed by the independent implementation.
    let signer = standardwebhooks::Webhook::new(KEY_TEXT).unwrap();
    let send = |run: &str, id: &str, at: i64, body: &str, signature: String| {
        let request = report(&api, run).header("webhook-id", id);
        let request = request.header("webhook-timestamp", at.to_string());
        answer(request.header("webhook-signature", signature).body(body.to_owned()))
    };
    let sign = |id: &str, at: i64| signer.sign(id, at, body.as_bytes()).unwrap();
    assert_eq!(send(RUN, "m1", now, body, sign("m1", now)).await.0, StatusCode::OK);
    assert_eq!(send(RUN, "m1", now, body, sign("m1", now)).await.0, StatusCode::OK);
    let replayed = send("run-other", "m1", now, body, sign("m1", now)).await;
    assert_eq!(replayed.0, StatusCode::UNAUTHORIZED, "replayed for another run");
    let forged = send(RUN, "m2", now, r#"{"state":"failed"}"#, sign("m2", now)).await;
    assert_eq!(forged.0, StatusCode::UNAUTHORIZED, "another body");
    let old = now - 301;
    assert_eq!(send(RUN, "m3", old, body, sign("m3", old)).await.0, StatusCode::UNAUTHORIZED);
    let stranger = standardwebhooks::Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signature = stranger.unwrap().sign("m4", now, body.as_bytes()).unwrap();
    assert_eq!(send(RUN, "m4", now, body, signature).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(api.control.asked.lock().unwrap().len(), 2);
}
