//! Pages for people: complete, escaped, self-contained.

use super::*;

async fn page(api: &Api, path: &str) -> (StatusCode, String) {
    let response = api.ask(Method::GET, path).send().await.unwrap();
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    (status, response.text().await.unwrap())
}

#[tokio::test]
async fn the_incidents_page_says_what_where_since_when_and_how_sure() {
    let api = Api::with(None).await;
    let (status, html) = page(&api, &format!("/incidents/{KEY}")).await;
    assert_eq!(status, StatusCode::OK);
    for part in [
        "demand: feature-drift",
        "firing",
        "critical",
        "v12",
        "2026-11-02T00:00:00Z",
        "<b>psi</b> of <b>features.fare</b> is <b>0.31</b>, its level is 0.25",
        "exceed 0.0021 only once in a hundred times",
        "The worst 1 of 3.",
        "50.0 → 80.0 %",
        "<b>features.fare</b>: values are higher than the reference&#39;s: 20.0 % of them are &lt;= 10",
        "the change of psi by 0.31 is 80.0 % mix, 20.0 % within segments, 0.0 % rest; most from Oslo",
        "<td>148</td>",
        "&lt;= 10",
        "answered 503",
        "href=\"https://pipelines.example/1\"",
        "51330",
        "driftd silence add --model demand --monitor feature-drift",
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    if let Ok(folder) = std::env::var("DRIFTD_TEST_PAGES") {
        std::fs::write(format!("{folder}/incident.html"), &html).unwrap();
        std::fs::write(format!("{folder}/index.html"), page(&api, "/").await.1).unwrap();
    }
}

#[tokio::test]
async fn what_a_metric_would_be_without_a_segment_stands_on_the_page() {
    let api = Api::with(None).await;
    let carried = json!({ "by": "city", "of": "f1", "window": 0.7, "reference": 0.8, "change": -0.1,
        "total": 1, "largest": [{ "value": "Oslo", "adds": -0.2, "without": 0.9, "reference": 0.92,
        "window": 0.5, "reference_share": 0.1, "window_share": 0.3 }] });
    api.change(|s| {
        s.status.incidents[0].data["attribution"] =
            json!([{ "series": "model", "segment": null, "segments": [carried] }]);
    });
    let (_, html) = page(&api, &format!("/incidents/{KEY}")).await;
    let sentence = "by city: f1 is 0.7, and would be 0.9 without Oslo (its own 0.92 → 0.5; its share \
                    10.0 % → 30.0 %)";
    assert!(html.contains(sentence), "{html}");
}

#[tokio::test]
async fn the_index_lists_models_and_what_fires() {
    let api = Api::with(None).await;
    let (status, html) = page(&api, "/").await;
    assert_eq!(status, StatusCode::OK);
    for part in ["rides-prod", "ready", &format!("/incidents/{KEY}"), "75 %", "Resolved lately"] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    let band = "<rect class=ref x=\"75.00\" y=2 width=\"6.25\" height=7 />";
    for part in ["Expected without outcomes", "accuracy_estimate", "[0.75, 0.812]", band] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
}

#[tokio::test]
async fn unknown_incidents_are_a_page_too() {
    let api = Api::with(None).await;
    let (status, html) = page(&api, "/incidents/%3Cscript%3E").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script"), "{html}");
}

#[tokio::test]
async fn hostile_names_and_values_stay_text() {
    let api = Api::with(None).await;
    let evil = "\"'><script>alert(1)</script><img src=x onerror=y>&";
    api.change(|s| {
        let incident = &mut s.status.incidents[0];
        incident.line.version = Some(evil.into());
        incident.line.series = vec![evil.into()];
        incident.not_asked = Some(evil.into());
        incident.told = vec![evil.into()];
        let finding = &mut incident.data["findings"][0];
        finding["series"] = json!(evil);
        finding["segment"] = json!({ evil: evil });
        finding["verdict"] = json!(evil);
        finding["current_bins"][0]["bin"] = json!(evil);
        finding["reference_bins"][0]["bin"] = json!(evil);
        finding["p_value"] = json!({ "x": [evil] });
        let why = &mut incident.data["attribution"][0];
        why["series"] = json!(evil);
        why["segment"] = json!({ evil: evil });
        why["bins"][0]["bin"] = json!(evil);
        why["place"]["at"] = json!(evil);
        why["place"]["direction"] = json!(evil);
        why["segments"][0]["by"] = json!(evil);
        why["segments"][0]["of"] = json!(evil);
        why["segments"][0]["largest"][0]["value"] = json!(evil);
        incident.data["ranking"][0]["series"] = json!(evil);
        incident.data["ranking"][0]["verdict"] = json!(evil);
        incident.data["slice"]["topics"][0]["topic"] = json!(evil);
        incident.data["reference"] = json!(evil);
        s.status.outbox[0].error = Some(evil.into());
        s.status.runs[0].url = Some(format!("javascript:{evil}"));
        s.status.runs[0].message = Some(evil.into());
        s.status.models[0].versions = vec![evil.into()];
        s.status.models[0].paths_never_seen = vec![evil.into()];
        s.not_ready.push(NotReady { code: evil.into(), message: evil.into() });
    });
    for path in [format!("/incidents/{KEY}"), "/".to_owned()] {
        let (_, html) = page(&api, &path).await;
        assert!(html.contains("alert(1)"), "the canary never reached {path}");
        for tag in ["<script", "<img", "href=\"javascript", "<link rel=\"", "\"'>"] {
            assert!(!html.contains(tag), "{tag} in {path}");
        }
    }
}

#[tokio::test]
async fn pages_fetch_nothing_and_run_nothing() {
    let api = Api::with(None).await;
    for path in [format!("/incidents/{KEY}"), "/".to_owned()] {
        let (_, html) = page(&api, &path).await;
        for word in ["<script", " src=", "@import", "url(", "onclick"] {
            assert!(!html.contains(word), "{word} in {path}");
        }
    }
}
