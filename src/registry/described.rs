//! The schema that the configuration of each topic is written for, kept in a file of the state
//! directory: read before the state is opened, and by commands while a daemon holds it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::replace;
use crate::wire::Written;

/// The file's name within a state directory.
pub const DESCRIBED: &str = "schemas.json";
/// Format of the file; any other one is refused.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    topics: BTreeMap<String, Written>,
}

fn file(dir: &Path) -> PathBuf {
    dir.join(DESCRIBED)
}

/// What is kept in a state directory, by topic; nothing where there is none.
///
/// # Errors
/// A sentence: the file cannot be read.
pub fn read_described(dir: &Path) -> Result<BTreeMap<String, Written>, String> {
    let path = file(dir);
    let broken = |why: String| {
        format!(
            "{} cannot be read: {why}; remove it to take the latest schemas of the registries anew",
            path.display()
        )
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            let path = path.display();
            return Err(format!("{path} cannot be read: {error}; driftd's own user can"));
        }
    };
    let kept: Kept = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    if kept.format != FORMAT {
        return Err(broken(format!("it has format {}, not {FORMAT}", kept.format)));
    }
    Ok(kept.topics)
}

/// Keeps these schemas and no others, durably.
///
/// # Errors
/// A sentence: the file cannot be written; what was kept before still is.
pub fn keep_described(dir: &Path, topics: &BTreeMap<String, Written>) -> Result<(), String> {
    if read_described(dir).is_ok_and(|kept| kept == *topics) {
        return Ok(());
    }
    let kept = Kept { format: FORMAT, topics: topics.clone() };
    serde_json::to_vec_pretty(&kept)
        .map_err(std::io::Error::from)
        .and_then(|text| replace(dir, DESCRIBED, &text))
        .map_err(|error| format!("{} cannot be written: {error}", file(dir).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        Written { language: "AVRO".into(), text: text.into(), references: vec!["\"int\"".into()] }
    }

    #[test]
    fn what_is_kept_is_found_again_and_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_described(dir.path()), Ok(BTreeMap::new()));
        let first =
            BTreeMap::from([("a".to_owned(), written("1")), ("b".to_owned(), written("2"))]);
        keep_described(dir.path(), &first).unwrap();
        assert_eq!(read_described(dir.path()), Ok(first));
        let second = BTreeMap::from([("b".to_owned(), written("3"))]);
        keep_described(dir.path(), &second).unwrap();
        assert_eq!(read_described(dir.path()), Ok(second));
    }

    #[test]
    fn the_file_of_format_1_is_read_and_others_are_refused_in_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("schemas.json");
        let text = r#"{"format":1,"topics":{"rides":
            {"language":"AVRO","text":"\"long\"","references":[]}}}"#;
        std::fs::write(&path, text).unwrap();
        assert_eq!(read_described(dir.path()).unwrap()["rides"].text, "\"long\"");
        for (text, words) in
            [("{\"format\":1,", "remove it"), ("{\"format\":2,\"topics\":{}}", "format 2")]
        {
            std::fs::write(&path, text).unwrap();
            let why = read_described(dir.path()).unwrap_err();
            assert!(why.contains(words) && why.contains("schemas.json"), "{why}");
        }
    }
}
