//! The demo tells its whole story and ends by itself.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::rig::daemon::driftd;
use crate::rig::wait_until;

#[test]
fn the_loop_is_closed_within_the_story() {
    let output = driftd(&["demo"], Path::new("."), &[]);
    let story = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{story}\n{log}");
    assert!(story.contains("2 incidents paged on-call, each once; 2 resolved"), "{story}");
    assert!(story.contains("1 retraining asked for; 0 messages with a bad signature"), "{story}");
    // The daily rush hour raises nothing: the first page comes after the festival has begun.
    let festival = story.find("a festival begins").expect("the festival is told of");
    assert!(story.find("PAGE").is_some_and(|page| page > festival), "{story}");
}

#[test]
fn a_signal_ends_it_also_while_it_stays() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_driftd"))
        .args(["demo", "--stay"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut story = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = story.find_map(|line| {
        let address = line.strip_prefix("watch it: http://")?;
        Some(address.trim_end_matches('/').to_owned())
    });
    let address = address.expect("the demo says where to look");
    wait_until("the daemon listens", Duration::from_secs(30), || TcpStream::connect(&address).ok());
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ended = wait_until("it ends", Duration::from_secs(30), || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(143));
}
