//! CSV: the header names the columns, cells are text.
//!
//! An empty cell is missing, `NaN` is NaN also where a word is wanted; numbers are read where
//! numbers are wanted, with `inf` and `-inf`; times are RFC 3339 or numbers.

use std::fs::File;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::columns::Columns;
use super::{FileError, Next, Opened, Options, Source};
use crate::wire::{Cell, Cells, FieldPlan, ReaderSpec, Reason, Refusal, Text};

#[derive(Debug)]
struct Csv {
    file: PathBuf,
    reader: Reader<File>,
    record: ByteRecord,
    /// Column and slot.
    wanted: Vec<(usize, u32)>,
}

pub(super) fn open(
    file: &FilePath,
    mut spec: ReaderSpec,
    options: &Options,
    delimiter: u8,
) -> Result<Opened, FileError> {
    // All that a cell of CSV can be is text.
    spec.coerce = true;
    spec.numbers.iter_mut().for_each(|field| field.coerce = true);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .buffer_capacity(1 << 16)
        .from_reader(super::open(file)?);
    let header = reader.headers().map_err(|error| broken(file, error))?.clone();
    if header.is_empty() {
        return Err(FileError::content(file, "the file is empty; its first row names the columns"));
    }
    let plan = Arc::new(FieldPlan::new(spec.every_path()));
    let columns = Columns::new(header.iter().map(str::trim));
    let mut wanted = Vec::new();
    let absent = columns.bind(file, &spec, options, |path, column| {
        wanted.push((column, plan.slot(path)));
    })?;
    wanted.sort_unstable();
    wanted.dedup();
    let source = Csv { file: file.to_owned(), reader, record: ByteRecord::new(), wanted };
    Ok(Opened { source: Box::new(source), spec, plan, absent })
}

impl Source for Csv {
    fn next(&mut self, cells: &mut Cells) -> Result<Next, FileError> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(Next::End),
            Err(error) => {
                if let ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
                    let detail = format!("{len} cells; the header has {expected_len}");
                    return Ok(Next::Refused(Refusal { reason: Reason::BadRow, detail }));
                }
                return Err(broken(&self.file, error));
            }
        }
        for &(column, slot) in &self.wanted {
            let Some(range) = self.record.range(column).filter(|range| !range.is_empty()) else {
                continue;
            };
            let cell = self.record.get(column).unwrap_or_default();
            if std::str::from_utf8(cell).is_err() {
                let detail = format!("cell {} is not UTF-8", column + 1);
                return Ok(Next::Refused(Refusal { reason: Reason::BadUtf8, detail }));
            }
            cells.set(
                slot,
                match cell.trim_ascii() {
                    b"NaN" => Cell::Float(f64::NAN),
                    _ => Cell::Text(Text::of_payload(range.start, range.end)),
                },
            );
        }
        Ok(Next::Row)
    }

    fn payload(&self) -> &[u8] {
        self.record.as_slice()
    }

    fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }
}

fn broken(file: &FilePath, error: csv::Error) -> FileError {
    let text = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(source) => FileError::read(file, source),
        _ => FileError::content(file, format!("not CSV: {text}")),
    }
}
