//! What goes into the engine and what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::event::{ModelIx, Partition, Slab, Time};
use crate::join::Entry;
use crate::lines::ScoreLine;
use crate::policy::message::{Command, Message, Receipt, Reply};
use crate::reference::Reference;

/// One thing that may change the state.
#[derive(Debug)]
pub enum Input {
    /// Records of one partition, with what the engine wanted to know about them.
    Slab(Box<Slab>, Fetched),
    /// The partitions that are ours now, and how many each topic has.
    Owned {
        /// Assigned to us.
        partitions: BTreeSet<Partition>,
        /// Partitions per topic, as far as known.
        counts: BTreeMap<Arc<str>, i32>,
    },
    /// The end of a partition, as the broker last said.
    EndOffset {
        /// Which.
        partition: Partition,
        /// One past its last record.
        end: i64,
    },
    /// Records that the broker no longer has; closes the hole in the offsets.
    Lost {
        /// Which.
        partition: Partition,
        /// First offset that is gone.
        from: i64,
        /// One past the last.
        to: i64,
    },
    /// A partition begins at this offset: it is new, or was made again and is read from its start.
    Begin {
        /// Which.
        partition: Partition,
        /// First offset.
        offset: i64,
        /// Whether it was made again. Otherwise one that is known stays where it is: a partition
        /// may pass to another reader before its beginning is durable.
        again: bool,
    },
    /// A version that was judged against what was kept now has a reference of its own.
    Reference(VersionKey, Arc<Reference>),
    /// Our clock.
    Tick(Time),
    /// What became of a message.
    Receipt(Receipt),
    /// Somebody asks for something.
    Command(Command),
    /// There will be no further record (end of a replay): judge everything.
    Finish,
}

/// A version of a model whose reference is not known yet.
pub type VersionKey = (ModelIx, Option<Arc<str>>);

/// What the engine must know before it can take a slab.
#[derive(Debug, Default)]
pub struct Wants {
    /// Join entries, sorted and without repeats; the engine holds none of them itself.
    pub entries: Vec<JoinKey>,
    /// Versions seen for the first time.
    pub versions: Vec<VersionKey>,
}

/// The answers.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Entries that the store holds.
    pub entries: Vec<(JoinKey, Entry)>,
    /// References of new versions; `None` where there is none.
    pub references: Vec<(VersionKey, Option<Arc<Reference>>)>,
}

/// Key of a join entry: model and hashed id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JoinKey {
    /// Model.
    pub model: ModelIx,
    /// Hash of the id.
    pub id: u128,
}

/// What a step wants done.
#[derive(Debug, Default)]
pub struct Effects {
    /// Judgements, in order.
    pub lines: Vec<ScoreLine>,
    /// Messages to send once the state is durable.
    pub messages: Vec<Message>,
    /// Messages that a later one replaced.
    pub cancelled: Vec<String>,
    /// Answer to a command.
    pub reply: Option<Reply>,
    /// Things worth a line in the log.
    pub notices: Vec<Notice>,
    /// Records by which a slab moved the position on; those read again are not among them.
    pub consumed: u64,
    /// Predictions among them that came after their pane had closed, by model.
    pub late: Vec<(ModelIx, u64)>,
    /// Commit before anything else.
    pub urgent: bool,
    /// The slab was refused; the reader must start again at this offset.
    pub rewind: Option<(Partition, i64)>,
}

/// Something worth a line in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Worth a warning.
    pub warning: bool,
    /// Model that it concerns; empty for none.
    pub model: String,
    /// A sentence.
    pub message: String,
}

/// Its message on one line: names of versions are whatever producers write.
impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut letters = self.message.chars().map(|c| if c.is_control() { ' ' } else { c });
        letters.try_for_each(|c| f.write_char(c))
    }
}

/// A table of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Format version and application.
    Meta,
    /// Offsets and anchors.
    Positions,
    /// Models: lexicons, versions, clocks, judged up to.
    Models,
    /// Panes of event time, without their counts.
    Panes,
    /// Counts of those panes, under the same keys.
    Counts,
    /// Panes of so many events.
    Counted,
    /// Join entries.
    Join,
    /// Evaluation history of series.
    Tracks,
    /// What was said about windows that may be restated.
    Revisions,
    /// Incidents.
    Incidents,
    /// Messages.
    Outbox,
    /// Retraining runs.
    Runs,
    /// Silences.
    Silences,
    /// Score lines.
    Scores,
    /// Rows kept while a reference is learnt, and learnt references.
    Learning,
    /// Schemas of registries; the engine has nothing to do with them.
    Schemas,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 16] = [
        Table::Meta,
        Table::Positions,
        Table::Models,
        Table::Panes,
        Table::Counts,
        Table::Counted,
        Table::Join,
        Table::Tracks,
        Table::Revisions,
        Table::Incidents,
        Table::Outbox,
        Table::Runs,
        Table::Silences,
        Table::Scores,
        Table::Learning,
        Table::Schemas,
    ];

    /// Name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Positions => "positions",
            Table::Models => "models",
            Table::Panes => "panes",
            Table::Counts => "counts",
            Table::Counted => "counted",
            Table::Join => "join",
            Table::Tracks => "tracks",
            Table::Revisions => "revisions",
            Table::Incidents => "incidents",
            Table::Outbox => "outbox",
            Table::Runs => "runs",
            Table::Silences => "silences",
            Table::Scores => "scores",
            Table::Learning => "learning",
            Table::Schemas => "schemas",
        }
    }
}

/// One row of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: Table,
    /// Key.
    pub key: Vec<u8>,
    /// New value; `None` removes the row.
    pub value: Option<Vec<u8>>,
}
