//! The demo tells its whole story and ends by itself.

use std::path::Path;

use crate::rig::daemon::driftd;

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
