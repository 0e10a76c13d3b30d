//! Everything that can be asked, in one list.

use std::sync::Arc;

use axum::routing::{MethodRouter, delete, get, post};

use super::asked::Param;
use super::{App, actions, incident_page, index_page, lists, openapi, probes};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the port.
    Open,
    /// Who bears the token of `http.token`.
    Token,
    /// Who bears the token of the run, or signs as its trainer.
    Run,
}

/// One thing that can be asked.
pub struct Route {
    /// Method in lower case.
    pub method: &'static str,
    /// Path, with `{names}`.
    pub path: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Parameters behind the question mark.
    pub(super) query: &'static [Param],
    /// Fields of the JSON body; `?` ends the names of those that may be left out.
    pub(super) body: &'static [Param],
    /// Who may ask.
    pub access: Access,
    /// Media type of the answer.
    pub answer: &'static str,
    pub(super) handler: fn() -> MethodRouter<Arc<App>>,
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

/// A read that anybody may make.
const fn read(
    path: &'static str,
    summary: &'static str,
    query: &'static [Param],
    handler: fn() -> MethodRouter<Arc<App>>,
) -> Route {
    Route {
        method: "get",
        path,
        summary,
        query,
        body: &[],
        access: Access::Open,
        answer: JSON,
        handler,
    }
}

/// A change.
const fn write(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    body: &'static [Param],
    handler: fn() -> MethodRouter<Arc<App>>,
) -> Route {
    Route { method, path, summary, query: &[], body, access: Access::Token, answer: JSON, handler }
}

/// The list.
pub const ROUTES: &[Route] = &[
    Route {
        answer: HTML,
        ..read("/", "Models and what fires, for people", &[], || get(index_page::show))
    },
    Route {
        answer: HTML,
        ..read("/incidents/{key}", "An incident with its evidence, for people", &[], || {
            get(incident_page::show)
        })
    },
    read("/healthz", "Whether the process answers", &[], || get(probes::healthz)),
    read("/readyz", "Whether it does its work; 503 with the reasons if not", &[], || {
        get(probes::readyz)
    }),
    Route {
        answer: TEXT,
        ..read("/metrics", "Numbers for Prometheus", &[], || get(probes::metrics))
    },
    read("/openapi.json", "This description", &[], || get(openapi::show)),
    read("/api/v1/status", "Everything at a glance", &[], || get(lists::status)),
    read("/api/v1/models", "Models", lists::PAGED, || get(lists::models)),
    read("/api/v1/monitors", "Monitors", lists::OF_MODEL, || get(lists::monitors)),
    read("/api/v1/scores", "Score lines of the last 30 days", lists::SCORES, || get(lists::scores)),
    read("/api/v1/incidents", "Incidents, newest first", lists::INCIDENTS, || {
        get(lists::incidents)
    }),
    read("/api/v1/incidents/{key}", "An incident with its evidence", &[], || get(lists::incident)),
    read("/api/v1/outbox", "Messages, newest first", lists::OUTBOX, || get(lists::outbox)),
    read("/api/v1/runs", "Retraining runs, newest first", lists::RUNS, || get(lists::runs)),
    read("/api/v1/silences", "Silences", lists::OF_MODEL, || get(lists::silences)),
    read("/api/v1/runs/{id}", "A retraining run", &[], || get(lists::run)),
    Route {
        access: Access::Run,
        ..write(
            "post",
            "/api/v1/runs/{id}",
            "A pipeline reports on its run",
            &[
                ("state", "`running`, `succeeded` or `failed`"),
                ("version?", "the version that it produced"),
                ("url?", "where to look"),
                ("message?", "anything else, above all why it failed"),
            ],
            || post(actions::callback),
        )
    },
    write("post", "/-/reload", "Reads the configuration again", &[], || post(actions::reload)),
    write(
        "post",
        "/api/v1/silences",
        "Silences something for a while",
        &[
            ("model", "which model"),
            ("monitor?", "one monitor; all if left out"),
            ("segment?", "one segment as an object; all if left out"),
            ("from?", "first instant of event time (RFC 3339); now if left out"),
            ("for", "for how long: 48h"),
            ("comment", "why"),
        ],
        || post(actions::silence),
    ),
    write("delete", "/api/v1/silences/{id}", "Ends a silence", &[], || {
        delete(actions::expire_silence)
    }),
    write(
        "post",
        "/api/v1/models/{model}/retrain",
        "Asks for a retraining by hand",
        &[("reason", "why")],
        || post(actions::retrain),
    ),
    write(
        "post",
        "/api/v1/notifiers/{name}/test",
        "Sends a marked test message, once",
        &[],
        || post(actions::notify_test),
    ),
];
