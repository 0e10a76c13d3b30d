//! `driftd status`, `incidents`, `explain`, `runs`, `silence`, `notify test`, `retrain`: questions
//! to a running daemon.

mod explain;
mod remote;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{OK, Output};
pub use remote::{ClientError, Remote};

/// Where the daemon is.
#[derive(Debug, Clone, Args)]
pub struct Daemon {
    /// Address of the daemon.
    #[arg(long, env = "DRIFTD_URL", default_value = "http://127.0.0.1:7438")]
    url: String,
    /// Token for what changes something (http.token of the daemon).
    #[arg(long, env = "DRIFTD_TOKEN", hide_env_values = true, hide = true)]
    token: Option<String>,
}

/// Questions to a running daemon.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Everything at a glance.
    Status {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Incidents, newest first.
    Incidents {
        /// Only firing or only resolved ones.
        #[arg(long, value_parser = ["firing", "resolved"])]
        state: Option<String>,
        /// Only this model.
        #[arg(long)]
        model: Option<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// One incident with its evidence.
    Explain {
        /// Its key, or a unique beginning of it.
        key: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Retraining runs, newest first.
    Runs {
        /// Only this model.
        #[arg(long)]
        model: Option<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Silences.
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Notifiers.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Asks for a retraining by hand.
    Retrain {
        /// Model.
        model: String,
        /// Why, for whoever reads it later.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// Silences.
#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// Silences something for a while.
    Add {
        /// Model.
        #[arg(long)]
        model: String,
        /// One monitor; all if left out.
        #[arg(long)]
        monitor: Option<String>,
        /// One segment, as city=Oslo; several make a crossed one.
        #[arg(long = "segment", value_name = "DIMENSION=VALUE")]
        segments: Vec<String>,
        /// First instant of event time (RFC 3339); now if left out.
        #[arg(long)]
        from: Option<String>,
        /// For how long: 48h.
        #[arg(long = "for", value_name = "LENGTH")]
        length: String,
        /// Why, for whoever reads it at night.
        #[arg(long)]
        comment: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Silences that have not ended.
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Ends a silence.
    Expire {
        /// Its id, or a unique beginning of it.
        id: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// Notifiers.
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Sends a marked test message, once.
    Test {
        /// The notifier.
        name: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

const INCIDENTS: &[&str] =
    &["key", "state", "severity", "suppressed", "model", "version", "monitor", "opened", "series"];
const RUNS: &[&str] = &["id", "model", "state", "requested", "changed", "version", "message"];
const SILENCES: &[&str] = &["id", "model", "monitor", "segment", "from", "until", "comment"];
const MODELS: &[&str] =
    &["name", "versions", "latest", "judged_drift", "outcome_coverage", "has_reference"];

/// Asks, and prints the answer.
///
/// # Errors
/// [`ClientError`], or standard output is closed.
pub fn run(command: &ClientCommand, output: &Output) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(command, output))?;
    Ok(OK)
}

async fn ask(command: &ClientCommand, output: &Output) -> anyhow::Result<()> {
    match command {
        ClientCommand::Status { daemon } => status(&daemon.remote()?, output).await,
        ClientCommand::Incidents { state, model, daemon } => {
            let query = [("state", state.as_deref()), ("model", model.as_deref())];
            let rows = daemon.remote()?.list("/api/v1/incidents", &query).await?;
            Ok(output.rows(INCIDENTS, &rows)?)
        }
        ClientCommand::Explain { key, daemon } => {
            let incident = daemon.remote()?.get(&["api", "v1", "incidents", key]).await?;
            explain::print(&incident, output)
        }
        ClientCommand::Runs { model, daemon } => {
            let query = [("model", model.as_deref())];
            let rows = daemon.remote()?.list("/api/v1/runs", &query).await?;
            Ok(output.rows(RUNS, &rows)?)
        }
        ClientCommand::Silence(command) => silence(command, output).await,
        ClientCommand::Notify(NotifyCommand::Test { name, daemon }) => {
            let path = ["api", "v1", "notifiers", name, "test"];
            let receipt = daemon.remote()?.post(&path, &json!({})).await?;
            Ok(output.rows(&["to", "delivered", "reply"], &[receipt])?)
        }
        ClientCommand::Retrain { model, reason, daemon } => {
            let path = ["api", "v1", "models", model, "retrain"];
            let run = daemon.remote()?.post(&path, &json!({ "reason": reason })).await?;
            Ok(output.rows(RUNS, &[run])?)
        }
    }
}

async fn status(remote: &Remote, output: &Output) -> anyhow::Result<()> {
    let status = remote.get(&["api", "v1", "status"]).await?;
    if !output.is_table() {
        return Ok(output.rows(&[], &[status])?);
    }
    output.text(&headline(&status))?;
    let models = status["models"].as_array().cloned().unwrap_or_default();
    Ok(output.rows(MODELS, &models)?)
}

/// `rides-prod: ready, 1 incident fires, 0 messages wait (driftd 0.1.0)`.
fn headline(status: &Value) -> String {
    let count = |key: &str, one: &str, many: &str| {
        let n = status[key].as_u64().unwrap_or(0);
        format!("{n} {}", if n == 1 { one } else { many })
    };
    let ready = if status["ready"] == true { "ready" } else { "NOT READY" };
    let mut text = format!(
        "{}: {ready}, {}, {}, {} records behind (driftd {})",
        explain::plain(&status["name"]),
        count("incidents_firing", "incident fires", "incidents fire"),
        count("outbox_pending", "message waits", "messages wait"),
        explain::plain(&status["lag_messages"]),
        explain::plain(&status["driftd_version"]),
    );
    for reason in status["reasons"].as_array().into_iter().flatten() {
        let (code, message) = (&reason["code"], &reason["message"]);
        text.push_str(&format!("\n  {}: {}", explain::plain(code), explain::plain(message)));
    }
    text
}

async fn silence(command: &SilenceCommand, output: &Output) -> anyhow::Result<()> {
    match command {
        SilenceCommand::Add { model, monitor, segments, from, length, comment, daemon } => {
            let mut body = json!({ "model": model, "for": length, "comment": comment });
            if let Some(monitor) = monitor {
                body["monitor"] = json!(monitor);
            }
            if !segments.is_empty() {
                body["segment"] = segment(segments)?;
            }
            if let Some(from) = from {
                body["from"] = json!(from);
            }
            let line = daemon.remote()?.post(&["api", "v1", "silences"], &body).await?;
            Ok(output.rows(SILENCES, &[line])?)
        }
        SilenceCommand::List { daemon } => {
            let rows = daemon.remote()?.list("/api/v1/silences", &[]).await?;
            Ok(output.rows(SILENCES, &rows)?)
        }
        SilenceCommand::Expire { id, daemon } => {
            let line = daemon.remote()?.delete(&["api", "v1", "silences", id]).await?;
            Ok(output.rows(SILENCES, &[line])?)
        }
    }
}

/// `city=Oslo`, several times for a crossed one.
fn segment(parts: &[String]) -> Result<Value, ClientError> {
    let mut segment = serde_json::Map::new();
    for part in parts {
        match part.split_once('=') {
            Some((dimension, value)) if !dimension.is_empty() => {
                segment.insert(dimension.to_owned(), json!(value));
            }
            _ => return Err(ClientError::Segment(part.clone())),
        }
    }
    Ok(Value::Object(segment))
}

impl Daemon {
    fn remote(&self) -> Result<Remote, ClientError> {
        Remote::new(&self.url, self.token.as_deref())
    }
}

#[cfg(test)]
mod tests;
