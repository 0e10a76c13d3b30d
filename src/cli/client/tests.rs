//! Against a running API.

use serde_json::json;

use super::*;
use crate::admin::tests::Api;

const TOKEN: &str = "canary-token-of-the-api";

fn remote(api: &Api, token: Option<&str>) -> Remote {
    Remote::new(&api.url, token).unwrap()
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_explained() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let error = Remote::new(&url, None).unwrap().get(&["api"]).await.unwrap_err().to_string();
    assert!(error.contains(&url) && error.contains("is it running?"), "{error}");
    assert!(error.contains("refused") && error.contains("DRIFTD_URL"), "{error}");
    for bad in ["localhost:7438", "ftp://x", "nope"] {
        assert!(matches!(Remote::new(bad, None), Err(ClientError::Address(_))), "{bad}");
    }
}

#[tokio::test]
async fn refused_tokens_are_explained_and_never_shown() {
    let silence = json!({ "model": "demand", "for": "1h", "comment": "x" });
    let path = ["api", "v1", "silences"];
    let off = Api::with(None).await;
    let error = remote(&off, Some("canary-x")).post(&path, &silence).await.unwrap_err();
    assert!(matches!(error, ClientError::Off { .. }), "{error}");
    assert!(error.to_string().contains("http.token"), "{error}");
    let on = Api::with(Some(TOKEN)).await;
    for token in [None, Some(""), Some("canary-x")] {
        let error = remote(&on, token).post(&path, &silence).await.unwrap_err();
        assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");
        assert!(error.to_string().contains("DRIFTD_TOKEN"), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert!(remote(&on, Some(TOKEN)).post(&path, &silence).await.is_ok());
}

#[tokio::test]
async fn what_the_daemon_says_is_passed_on() {
    let api = Api::with(None).await;
    let error = remote(&api, None).get(&["api", "v1", "incidents", "ffff"]).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no incident 'ffff'");
    // A key is one part of the path, whatever stands in it.
    let path = ["api", "v1", "incidents", "../status?x=1"];
    let error = remote(&api, None).get(&path).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no incident '../status?x=1'");
    let page = remote(&api, None).get(&["incidents", "ffff"]).await.unwrap_err();
    assert!(matches!(page, ClientError::Stranger { status: 404, .. }), "{page}");
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    let api = Api::with(None).await;
    let query = [("model", Some("demand")), ("series", Some("features.fare"))];
    let lines = remote(&api, None).list("/api/v1/scores", &query).await.unwrap();
    assert_eq!(lines.len(), 1_250);
    let none = remote(&api, None).list("/api/v1/runs", &[("model", Some("x"))]).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn an_incident_is_told_in_words_without_control_characters() {
    let api = Api::with(None).await;
    let mut incident = remote(&api, None).get(&["api", "v1", "incidents", "cb0e"]).await.unwrap();
    incident["data"]["reference"] = json!("\u{1b}[31mred\n");
    let words = words_of(&incident);
    for part in ["firing, critical", "demand", "v12", "feature-drift", "oncall", "0.75"] {
        assert!(words.contains(part), "{part} is missing in {words}");
    }
    assert!(!words.contains('\u{1b}') && !words.contains("resolved by"), "{words}");
    incident["data"]["attribution"][0]["segments"][0]["largest"][0]["value"] =
        json!("\u{1b}[31mOslo\n");
    let why = explain::why(&incident["data"]);
    for part in ["features.fare: most from the bins > 10", "features.fare: by city: ", "80.0 % mix"]
    {
        assert!(why.contains(part), "{part} is missing in {why}");
    }
    assert!(why.lines().count() == 3 && !why.contains('\u{1b}'), "{why}");
    incident["data"]["attribution"] = json!([{ "series": "model", "segment": null, "segments": [
        { "by": "city", "of": "f1", "window": 0.7, "largest": [{ "value": "Oslo", "without": 0.9 }] },
    ] }]);
    let why = explain::why(&incident["data"]);
    assert!(why.starts_with("model: by city: f1 is 0.7, and would be 0.9 without Oslo"), "{why}");
    let status = remote(&api, None).get(&["api", "v1", "status"]).await.unwrap();
    assert_eq!(
        headline(&status),
        format!(
            "rides-prod: ready, 1 incident fires, 1 message waits, 7 records behind (driftd {})",
            env!("CARGO_PKG_VERSION")
        )
    );
}

fn words_of(incident: &Value) -> String {
    explain::words(incident)
}

#[test]
fn segments_are_written_with_an_equals_sign() {
    let parts = ["city=Oslo".to_owned(), "vehicle=a=b".to_owned()];
    assert_eq!(segment(&parts).unwrap(), json!({ "city": "Oslo", "vehicle": "a=b" }));
    for bad in ["Oslo", "=Oslo"] {
        assert!(matches!(segment(&[bad.to_owned()]), Err(ClientError::Segment(_))), "{bad}");
    }
}

#[test]
fn the_command_line_is_sound() {
    use clap::{Command, Subcommand as _};
    let command = ClientCommand::augment_subcommands(Command::new("driftd"));
    command.clone().debug_assert();
    let line = [
        "driftd",
        "silence",
        "add",
        "--model",
        "demand",
        "--segment",
        "city=Oslo",
        "--for",
        "48h",
        "--comment",
        "festival",
    ];
    assert!(command.clone().try_get_matches_from(line).is_ok());
    assert!(command.clone().try_get_matches_from(["driftd", "notify", "test", "x"]).is_ok());
    assert!(command.try_get_matches_from(["driftd", "retrain", "demand"]).is_err());
}
