//! `driftd run`: logging, then the daemon.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode as Permissions;
use rustix::process::umask;
use tracing_subscriber::EnvFilter;

use super::check::retention::shorter_than_the_wait;
use super::{refused, settings, sources};
use crate::config::{self, Mode, Problem, Settings};
use crate::daemon::{self, Asking, Loader};

/// How long brokers that do not answer are left alone.
const ASK_AGAIN: Duration = Duration::from_secs(60);

pub(super) fn run(config: &Path, verbose: u8) -> anyhow::Result<ExitCode> {
    // What is kept is nobody else's to read, whatever the shell thinks.
    umask(Permissions::RWXG | Permissions::RWXO);
    log(verbose);
    let settings = match settings(config, Mode::Run)? {
        Ok(settings) => settings,
        Err(code) => return Ok(ExitCode::from(code)),
    };
    let path = config.to_owned();
    let load: Loader = Arc::new(move || {
        let sources = sources(Some(path.clone()), Mode::Run);
        let (settings, warnings) = match config::load(&sources, &Asking::default()) {
            Ok(loaded) => loaded,
            Err(problems) => return Err(listed(&problems)),
        };
        match refused(&settings) {
            none if none.is_empty() => {}
            problems => return Err(listed(&problems)),
        }
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(settings)
    });
    warn_of_retention(settings.clone());
    daemon::run(settings, load, None)
}

/// Once the brokers answer, and without anybody waiting for it.
fn warn_of_retention(settings: Settings) {
    std::thread::spawn(move || {
        loop {
            if let Some(problems) = shorter_than_the_wait(&settings) {
                problems.iter().for_each(|problem| tracing::warn!("{problem}"));
                return;
            }
            std::thread::sleep(ASK_AGAIN);
        }
    });
}

fn listed(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

/// JSON when nobody watches; what librdkafka says only when something is wrong.
pub(super) fn log(verbose: u8) {
    let level = match verbose {
        0 => {
            "info,librdkafka=warn,rdkafka=warn,rdkafka::consumer::base_consumer=off,fjall=warn,lsm_tree=warn"
        }
        1 => "debug,librdkafka=warn,rdkafka=warn,fjall=info,lsm_tree=info,hyper=info,reqwest=info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("DRIFTD_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
