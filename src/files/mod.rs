//! Rows out of CSV, JSON lines, Avro and Parquet files: the same batches as out of a topic.
//!
//! Each kind of file only fills the cells of a row ([`crate::wire::Cells`]); filter, id, time and
//! columns are made where those of a topic are made. A whole file is never held in memory.

mod avro;
mod columns;
mod csv;
mod error;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::sync::Arc;

use crate::event::{Batch, Time};
use crate::wire::{Cells, FieldPlan, Judgement, Reader, ReaderSpec, Reason, Refusal, Stamp};

pub use columns::AbsentColumn;
pub use error::FileError;

/// Rows per batch.
pub const ROWS_PER_BATCH: usize = 8_192;

/// Refused rows kept as samples, per reason.
const SAMPLES: usize = 3;

/// What a file is read for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Read ids (where the spec keeps them); a replay does, a reference needs none.
    pub ids: bool,
    /// Read times; without, every row is at 1970.
    pub times: bool,
    /// Our clock, to refuse times that are absurd or ahead of now; `None` takes old data as it is.
    pub now: Option<Time>,
}

/// A refused row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Number of the row, from 0, without the header.
    pub row: i64,
    /// The fixed word.
    pub reason: Reason,
    /// Where and what, for a person.
    pub detail: String,
}

/// The rows of one file, in its order, as an iterator of batches of at most [`ROWS_PER_BATCH`].
///
/// `offsets` of a batch are row numbers from 0, counting every row of the file that holds
/// anything; `logged` is the event time.
#[derive(Debug)]
pub struct Rows {
    source: Box<dyn Source>,
    reader: Reader,
    cells: Cells,
    now: Option<Time>,
    row: i64,
    refused: BTreeMap<Reason, u64>,
    samples: Vec<BadRow>,
    unmatched: u64,
    seen: BTreeSet<u16>,
    absent: Vec<AbsentColumn>,
    total: u64,
    done: bool,
}

/// A kind of file.
trait Source: std::fmt::Debug + Send {
    /// Fills `cells`, which come cleared, with the next row.
    fn next(&mut self, cells: &mut Cells) -> Result<Next, FileError>;
    /// What the texts of the cells point into.
    fn payload(&self) -> &[u8];
    /// Bytes of the file that are behind us.
    fn bytes(&self) -> u64;
}

/// What a source came upon.
enum Next {
    Row,
    Refused(Refusal),
    End,
}

/// A file whose columns have been found.
struct Opened {
    source: Box<dyn Source>,
    /// The spec with paths as this file has them.
    spec: ReaderSpec,
    plan: Arc<FieldPlan>,
    absent: Vec<AbsentColumn>,
}

impl Rows {
    /// Opens a file; its kind is told by its extension: `.csv`, `.tsv`, `.jsonl`, `.ndjson`,
    /// `.json` (lines), `.avro` or `.parquet`. `key` keys the hash of ids, as for a topic.
    ///
    /// # Errors
    /// The file cannot be read, is of another kind, or lacks a column that is needed (id, time,
    /// the filter's).
    pub fn open(
        file: &FilePath,
        spec: &ReaderSpec,
        options: &Options,
        key: &[u8; 16],
    ) -> Result<Rows, FileError> {
        let mut spec = spec.clone();
        spec.keeps_ids &= options.ids;
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let opened = match extension.to_ascii_lowercase().as_str() {
            "csv" => csv::open(file, spec, options, b',')?,
            "tsv" => csv::open(file, spec, options, b'\t')?,
            "jsonl" | "ndjson" | "json" => jsonl::open(file, spec, options)?,
            "avro" => avro::open(file, spec, options)?,
            #[cfg(feature = "parquet")]
            "parquet" => parquet::open(file, spec, options)?,
            #[cfg(not(feature = "parquet"))]
            "parquet" => return Err(FileError::WithoutParquet(file.to_owned())),
            _ => return Err(FileError::Kind(file.to_owned())),
        };
        let total = std::fs::metadata(file).map_err(|e| FileError::read(file, e))?.len();
        Ok(Rows {
            reader: Reader::new(&opened.spec, &opened.plan, key, options.times),
            cells: Cells::new(opened.plan.slots()),
            source: opened.source,
            absent: opened.absent,
            now: options.now,
            row: 0,
            refused: BTreeMap::new(),
            samples: Vec::new(),
            unmatched: 0,
            seen: BTreeSet::new(),
            total,
            done: false,
        })
    }

    /// Configured columns that the file does not have, though it can be read without.
    #[must_use]
    pub fn absent(&self) -> &[AbsentColumn] {
        &self.absent
    }

    /// Refused rows so far, by reason.
    #[must_use]
    pub fn refused(&self) -> &BTreeMap<Reason, u64> {
        &self.refused
    }

    /// The first refused rows of each reason.
    #[must_use]
    pub fn samples(&self) -> &[BadRow] {
        &self.samples
    }

    /// Rows so far that the filter did not want.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Configured paths seen in the batches so far: places in the model's list of paths,
    /// ascending.
    #[must_use]
    pub fn seen(&self) -> Vec<u16> {
        self.seen.iter().copied().collect()
    }

    /// Rows so far, whatever became of them.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.row.unsigned_abs()
    }

    /// Bytes read so far, and of the whole file.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.source.bytes().min(self.total), self.total)
    }

    fn fill(&mut self) -> Result<(), FileError> {
        while self.reader.rows() < ROWS_PER_BATCH {
            self.cells.clear();
            let next = self.source.next(&mut self.cells)?;
            let stamp = Stamp { offset: self.row, logged: None, now: self.now };
            let view = self.cells.view(self.source.payload());
            let judgement = match next {
                Next::End => {
                    self.done = true;
                    return Ok(());
                }
                Next::Refused(refusal) => Judgement::Refused(refusal),
                Next::Row => self.reader.judge(&view, &stamp),
            };
            match judgement {
                Judgement::Taken(head) => self.reader.push(&view, &stamp, head),
                Judgement::Unwanted => self.unmatched += 1,
                Judgement::Refused(Refusal { reason, detail }) => {
                    let count = self.refused.entry(reason).or_default();
                    *count += 1;
                    if *count <= SAMPLES as u64 {
                        self.samples.push(BadRow { row: self.row, reason, detail });
                    }
                }
            }
            self.row += 1;
        }
        Ok(())
    }
}

impl Iterator for Rows {
    type Item = Result<Batch, FileError>;

    /// The next batch; never an empty one. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        if let Err(error) = self.fill() {
            self.done = true;
            return Some(Err(error));
        }
        let (batch, seen) = self.reader.take();
        self.seen.extend(seen);
        (!batch.offsets.is_empty()).then_some(Ok(batch))
    }
}

/// Opens a file for reading.
fn open(file: &FilePath) -> Result<std::fs::File, FileError> {
    std::fs::File::open(file).map_err(|error| FileError::read(file, error))
}
