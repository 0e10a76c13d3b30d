//! The walls of the house: which room may use which, and how large a file may grow.

use std::path::{Path, PathBuf};

/// Rooms below the glass floor, each with the rooms it may use.
const CORE: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("lines", &["event", "stats"]),
    ("stats", &[]),
    ("reference", &["event", "stats"]),
    ("window", &["event", "stats"]),
    ("join", &["event"]),
    ("detect", &["event", "lines", "stats"]),
    ("plan", &["event", "join", "detect", "stats", "reference"]),
    ("policy", &["event", "lines", "stats", "detect", "plan"]),
    (
        "engine",
        &["event", "lines", "stats", "reference", "window", "join", "detect", "plan", "policy"],
    ),
    ("wire", &["event", "stats", "plan"]),
];

/// What nobody below the glass floor may name.
const FORBIDDEN: &[&str] = &[
    "tokio",
    "rdkafka",
    "reqwest",
    "axum",
    "tracing",
    "fjall",
    "std::fs",
    "std::env",
    "std::net",
    "SystemTime::now",
    "Instant::now",
    "println!",
    "eprintln!",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn room(path: &Path) -> String {
    let inside = path.strip_prefix(source()).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/tests/") || text.ends_with("tests.rs")
}

/// Code without comments and without the test module at its end.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_core_uses_only_the_floors_below() {
    let mut broken = Vec::new();
    for path in files(&source()).iter().filter(|p| !is_test(p)) {
        let Some((name, allowed)) = CORE.iter().find(|(name, _)| *name == room(path)) else {
            continue;
        };
        for used in code(path).split("crate::").skip(1) {
            let used: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !used.is_empty() && used != *name && !allowed.contains(&used.as_str()) {
                broken.push(format!("{} uses {used}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_core_is_silent_and_blind() {
    let mut broken = Vec::new();
    for path in files(&source()).iter().filter(|p| !is_test(p)) {
        if !CORE.iter().any(|(name, _)| *name == room(path)) {
            continue;
        }
        let code = code(path);
        broken.extend(
            FORBIDDEN
                .iter()
                .filter(|word| code.contains(*word))
                .map(|word| format!("{} names {word}", path.display())),
        );
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long: Vec<String> = files(&source())
        .iter()
        .map(|p| (p, std::fs::read_to_string(p).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(p, lines)| format!("{}: {lines}", p.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn nobody_but_the_door_reads_the_configuration() {
    let users = ["config", "daemon", "cli"];
    let broken: Vec<String> = files(&source())
        .iter()
        .filter(|p| !is_test(p) && !users.contains(&room(p).as_str()))
        .filter(|p| code(p).contains("crate::config"))
        .map(|p| p.display().to_string())
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
