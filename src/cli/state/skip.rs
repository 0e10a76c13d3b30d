//! `driftd state skip`: the next start reads a partition from a later offset.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::cli::{OK, Output};
use crate::engine::io::Table;
use crate::engine::pass_by;
use crate::event::Partition;
use crate::store::{Embedded, Store, rows};

/// The partition and where it goes on.
pub(super) struct Skip<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub to: i64,
}

pub(super) fn run(dir: &Path, skip: &Skip<'_>, output: &Output) -> anyhow::Result<u8> {
    let store = Embedded::open_existing(dir)?;
    let partition = Partition { topic: skip.topic.into(), number: skip.partition };
    let about = format!("{}/{}", skip.topic, skip.partition);
    let mut found = None;
    for (_, value) in rows(&store, Table::Positions)? {
        let passed = pass_by(&value, &partition, skip.to);
        let passed = passed.with_context(|| format!("state directory {}", dir.display()))?;
        found = found.or(passed);
    }
    let Some(passed) = found else {
        bail!("the state in {} has no position in {about}; see driftd state inspect", dir.display())
    };
    let from = passed.from;
    ensure!(
        skip.to > from,
        "{about} stands at offset {from} already; --to must be greater, since what was counted \
         cannot be counted again"
    );
    store.commit(&[passed.change])?;
    store.close();
    let lost = skip.to - from;
    if output.is_table() {
        output.text(&format!(
            "The next start reads {about} from offset {} on; {lost} offsets are passed by and \
             count as lost.",
            skip.to
        ))?;
    } else {
        output.rows(
            &[],
            &[json!({
                "type": "skip", "topic": skip.topic, "partition": skip.partition, "from": from,
                "to": skip.to, "lost": lost,
            })],
        )?;
    }
    Ok(OK)
}
