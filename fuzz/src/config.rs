//! Configurations: all problems, or settings that can be shown.

use std::path::Path;

use driftd::config::{Mode, RegistrySettings, Sources, Subjects, load, show_config};
use driftd::wire::{Reason, Refusal, Written};

/// No registry answers, and nothing was kept.
pub struct Nobody;

impl Subjects for Nobody {
    fn latest(&self, _: &str, _: &RegistrySettings, _: &str) -> Result<Written, Refusal> {
        Err(Refusal { reason: Reason::RegistryUnreachable, detail: "nobody answers".to_owned() })
    }

    fn kept(&self, _: &Path, _: &str) -> Result<Option<Written>, String> {
        Ok(None)
    }
}

/// Files of the machine that a fuzzer must not read.
const ELSEWHERE: &[&str] = &["/dev", "/proc", "/sys", "/*", "/?", "/[", ".."];

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if ELSEWHERE.iter().any(|word| text.contains(word)) {
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for a file");
    let file = folder.path().join("driftd.toml");
    std::fs::write(&file, text).expect("there is room for a file");
    let mut sources = Sources {
        file: Some(file),
        env: vec![("SECRET".to_owned(), "whsec_canary".to_owned())],
        overrides: Vec::new(),
        mode: Mode::CheckNoConnect,
        only: None,
    };
    match load(&sources, &Nobody) {
        Ok((settings, warnings)) => {
            for shown in show_config(&settings, None).expect("no model was named") {
                assert!(!shown.to_string().contains("canary"));
            }
            warnings.iter().for_each(|warning| drop(warning.to_string()));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "what is refused has a reason");
            for problem in problems {
                let told = problem.to_string();
                assert!(!told.contains("whsec_canary") || text.contains("whsec_canary"), "{told}");
            }
        }
    }
    sources.mode = Mode::Replay;
    let _ = load(&sources, &Nobody);
}
