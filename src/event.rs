//! The vocabulary: time, columns of rows, and the slab that carries them from the reader to the
//! engine. Plain data; nothing here decides anything.

mod column;
mod season;
mod time;

pub use column::{Absent, Numbers, WordList, Words};
pub use season::{BadZone, Rhythm, Season, Slot};
pub use time::{BadSpan, BadTime, Span, Time};

/// Index of a model in the plan that produced a slab.
pub type ModelIx = u16;

/// What a row of a batch reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A model server's answer, with its features; may carry the outcome too.
    Prediction,
    /// What came true, known later.
    Outcome,
}

/// One partition of one Kafka topic (or one file of a replay).
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Partition {
    /// Topic name; for a replay, the name of the file.
    pub topic: std::sync::Arc<str>,
    /// Partition number, from 0.
    pub number: i32,
}

/// The last record taken from a partition: what a restarted reader must find again before it
/// goes on, or the topic is not the one that the state came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Anchor {
    /// Offset of the record.
    pub offset: i64,
    /// Its Kafka timestamp.
    pub timestamp: Time,
    /// Hash of its key and payload.
    pub hash: u64,
}

/// Rows of one model and one role, column by column, in the order of their offsets.
///
/// All columns have the length of `offsets`, except those that the model does not use: these are
/// empty (`ids`, `versions`) or `None`.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// Kafka offset of each row (line number in a replay).
    pub offsets: Vec<i64>,
    /// Event time of each row; never refused ones.
    pub times: Vec<Time>,
    /// Kafka timestamp of each row.
    pub logged: Vec<Time>,
    /// 128-bit hash of the id; empty where the model has no outcomes.
    pub ids: Vec<u128>,
    /// Model version; empty where none is configured.
    pub versions: Words,
    /// Numeric features, in the order of the model's numeric features.
    pub numbers: Vec<Numbers>,
    /// Category features, in the order of the model's category features.
    pub words: Vec<Words>,
    /// The prediction, where configured.
    pub prediction: Option<Values>,
    /// Probability of the positive class (one column), or of each class in the plan's order.
    pub probabilities: Vec<Numbers>,
    /// Loss that the event expects of its own prediction, where configured.
    pub expected_loss: Option<Numbers>,
    /// The outcome: of an outcome row, or of a prediction row that carries its own.
    pub outcome: Option<Values>,
}

impl Batch {
    /// Keeps these rows, ascending, and drops the others.
    ///
    /// # Panics
    /// If a row is not one of the batch.
    pub fn keep(&mut self, rows: &[u32]) {
        fn keep<T: Copy>(column: &mut Vec<T>, rows: &[u32]) {
            if !column.is_empty() {
                *column = rows.iter().map(|&row| column[row as usize]).collect();
            }
        }
        keep(&mut self.offsets, rows);
        keep(&mut self.times, rows);
        keep(&mut self.logged, rows);
        keep(&mut self.ids, rows);
        if !self.versions.places.is_empty() {
            self.versions.keep(rows);
        }
        let numbers = self.numbers.iter_mut().chain(&mut self.probabilities);
        numbers.chain(&mut self.expected_loss).for_each(|c| c.keep(rows));
        self.words.iter_mut().for_each(|c| c.keep(rows));
        for values in self.prediction.iter_mut().chain(&mut self.outcome) {
            match values {
                Values::Numbers(column) => column.keep(rows),
                Values::Words(column) => column.keep(rows),
            }
        }
    }
}

/// A column that is numeric or categorical, as the model's task says.
#[derive(Debug, Clone)]
pub enum Values {
    /// Numbers (regression).
    Numbers(Numbers),
    /// Class names (classification).
    Words(Words),
}

/// Everything the reader took from `from..to` of one partition.
///
/// `from` equals the `to` of the slab before it, also when every record between was refused.
#[derive(Debug, Clone)]
pub struct Slab {
    /// Where the records came from.
    pub partition: Partition,
    /// First offset covered.
    pub from: i64,
    /// One past the last offset covered.
    pub to: i64,
    /// Whether offsets are the order of a log: lateness is measured along it. False for files,
    /// where every row counts.
    pub ordered: bool,
    /// Our clock when the last record was read.
    pub read_at: Time,
    /// The last record covered, `None` when the slab covers no record.
    pub anchor: Option<Anchor>,
    /// Rows per model and role.
    pub batches: Vec<(ModelIx, Role, Batch)>,
    /// Records of each model that were refused (bad), for the pipeline monitor; models that share
    /// the topic all count a record that none of them could read.
    pub refused: Vec<(ModelIx, u64)>,
    /// Configured paths that were seen at least once, per model: indices into its field list.
    pub seen: Vec<(ModelIx, Vec<u16>)>,
}
