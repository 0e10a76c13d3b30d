//! `driftd state backup`: a copy of one commit, opened and read before it counts as one.

use std::path::Path;

use serde_json::json;

use crate::cli::{OK, Output};
use crate::store::{Store, backup};

pub(super) fn run(dir: &Path, to: &Path, output: &Output) -> anyhow::Result<u8> {
    let copy = backup(dir, to)?;
    let (commit, bytes) = (copy.commits(), copy.bytes());
    if output.is_table() {
        output.text(&format!(
            "{} holds commit {commit} of {} now, {bytes} bytes; every row has been read.",
            to.display(),
            dir.display()
        ))?;
    } else {
        let format = copy.format();
        output.rows(
            &[],
            &[json!({
                "type": "backup", "dir": dir, "to": to, "format": format, "commit": commit,
                "bytes": bytes,
            })],
        )?;
    }
    Ok(OK)
}
