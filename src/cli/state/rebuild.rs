//! `driftd state rebuild`: the next start makes the database again out of Kafka.

use std::io::{IsTerminal, Write};
use std::path::Path;

use serde_json::json;

use crate::cli::{OK, Output, USAGE};
use crate::store::set_aside;

/// What will happen, before it does.
const NOTICE: &str = "\
The database is put aside, not deleted. What stays: the identity of the directory and the file of \
sent messages.
The next start reads every topic from where `kafka.start_from` says (its default is the earliest \
record) and counts again what Kafka still has. The same incidents come up under the same keys; what \
was accepted before is not sent again. What Kafka no longer has is lost: windows, outcomes that \
waited, learnt references, silences, and the history of runs and scores.";

pub(super) fn run(dir: &Path, yes: bool, output: &Output) -> anyhow::Result<u8> {
    if !yes && !agreed()? {
        return Ok(USAGE);
    }
    let aside = set_aside(dir)?;
    let line = json!({ "type": "rebuild", "dir": dir, "aside": aside });
    if output.is_table() {
        output.text(&format!(
            "The database is in {} now; remove it when all is well. Start the daemon.",
            aside.display()
        ))?;
    } else {
        output.rows(&[], &[line])?;
    }
    Ok(OK)
}

/// Whether whoever sits there says yes.
fn agreed() -> std::io::Result<bool> {
    eprintln!("{NOTICE}");
    if !std::io::stdin().is_terminal() {
        eprintln!("driftd: nobody is there to agree; say --yes");
        return Ok(false);
    }
    eprint!("Put the database aside? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
