//! Parquet: typed columns, read in chunks, column by column.
//!
//! Fields of structs are columns of their own (`features.fare`); columns inside lists are not
//! read. Not through the crate's row interface, which panics on types it does not know.

mod convert;

use std::fs::File;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::columns::Columns;
use super::{FileError, Next, Opened, Options, Source};
use crate::wire::{Cell, Cells, FieldPlan, ReaderSpec};
use convert::{Convert, Meaning};

/// Rows per chunk.
const CHUNK: usize = 4_096;

struct Parquet {
    file: PathBuf,
    reader: SerializedFileReader<File>,
    columns: Vec<Column>,
    /// The next row group.
    group: usize,
    /// Readers of the current row group, one per column.
    open: Vec<ColumnReader>,
    /// Rows of the current row group that are not in a chunk yet.
    left: usize,
    /// Texts of the current chunk.
    texts: Vec<u8>,
    /// Rows of the current chunk, and the next of them.
    rows: usize,
    row: usize,
    bytes_before: u64,
    group_bytes: u64,
}

/// A wanted column and its part of the current chunk.
struct Column {
    leaf: usize,
    slot: u32,
    max_def: i16,
    meaning: Meaning,
    chunk: Vec<Cell>,
}

impl std::fmt::Debug for Parquet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parquet").field("file", &self.file).field("group", &self.group).finish()
    }
}

pub(super) fn open(
    file: &FilePath,
    spec: ReaderSpec,
    options: &Options,
) -> Result<Opened, FileError> {
    let reader =
        SerializedFileReader::new(super::open(file)?).map_err(|error| broken(file, &error))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let leaves = 0..schema.num_columns();
    let flat: Vec<usize> =
        leaves.filter(|&leaf| schema.column(leaf).max_rep_level() == 0).collect();
    let names: Vec<String> = flat.iter().map(|&leaf| schema.column(leaf).path().string()).collect();
    let plan = Arc::new(FieldPlan::new(spec.every_path()));
    let mut columns: Vec<Column> = Vec::new();
    let found = Columns::new(names.iter().map(String::as_str));
    let zone = spec.time.zone.clone().unwrap_or(TimeZone::UTC);
    let absent = found.bind(file, &spec, options, |path, at| {
        let (slot, leaf) = (plan.slot(path), flat[at]);
        if columns.iter().all(|column| column.slot != slot) {
            let descriptor = schema.column(leaf);
            let meaning = Meaning::of(&descriptor, &zone);
            let max_def = descriptor.max_def_level();
            columns.push(Column { leaf, slot, max_def, meaning, chunk: Vec::new() });
        }
    })?;
    let source = Parquet {
        file: file.to_owned(),
        reader,
        columns,
        group: 0,
        open: Vec::new(),
        left: 0,
        texts: Vec::new(),
        rows: 0,
        row: 0,
        bytes_before: 0,
        group_bytes: 0,
    };
    Ok(Opened { source: Box::new(source), spec, plan, absent })
}

impl Source for Parquet {
    fn next(&mut self, cells: &mut Cells) -> Result<Next, FileError> {
        while self.row == self.rows {
            if !self.chunk().map_err(|error| broken(&self.file, &error))? {
                return Ok(Next::End);
            }
        }
        for column in &self.columns {
            let cell = column.chunk.get(self.row).copied().unwrap_or(Cell::Missing);
            cells.set(column.slot, cell);
        }
        self.row += 1;
        Ok(Next::Row)
    }

    fn payload(&self) -> &[u8] {
        &self.texts
    }

    fn bytes(&self) -> u64 {
        self.bytes_before + self.group_bytes
    }
}

impl Parquet {
    /// Reads the next chunk; false at the end of the file.
    fn chunk(&mut self) -> Result<bool, ParquetError> {
        if self.left == 0 && !self.next_group()? {
            return Ok(false);
        }
        self.texts.clear();
        self.row = 0;
        self.rows = self.left.min(CHUNK);
        self.left -= self.rows;
        for (column, reader) in self.columns.iter_mut().zip(&mut self.open) {
            column.chunk.clear();
            column.read(reader, self.rows, &mut self.texts)?;
        }
        Ok(true)
    }

    fn next_group(&mut self) -> Result<bool, ParquetError> {
        self.bytes_before += self.group_bytes;
        self.group_bytes = 0;
        if self.group == self.reader.num_row_groups() {
            return Ok(false);
        }
        let group = self.reader.get_row_group(self.group)?;
        self.group += 1;
        self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        self.group_bytes = u64::try_from(group.metadata().compressed_size()).unwrap_or(0);
        let columns = self.columns.iter();
        self.open =
            columns.map(|c| group.get_column_reader(c.leaf)).collect::<Result<Vec<_>, _>>()?;
        Ok(true)
    }
}

impl Column {
    fn read(
        &mut self,
        reader: &mut ColumnReader,
        rows: usize,
        texts: &mut Vec<u8>,
    ) -> Result<(), ParquetError> {
        match reader {
            ColumnReader::BoolColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::Int32ColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::Int64ColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::Int96ColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::FloatColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::DoubleColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::ByteArrayColumnReader(r) => self.take(r, rows, texts),
            ColumnReader::FixedLenByteArrayColumnReader(r) => self.take(r, rows, texts),
        }
    }

    fn take<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        rows: usize,
        texts: &mut Vec<u8>,
    ) -> Result<(), ParquetError>
    where
        T::T: Convert,
    {
        let mut levels: Vec<i16> = Vec::with_capacity(rows);
        let mut values: Vec<T::T> = Vec::with_capacity(rows);
        while self.chunk.len() < rows {
            levels.clear();
            values.clear();
            let wanted = rows - self.chunk.len();
            let (records, _, _) =
                reader.read_records(wanted, Some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Err(ParquetError::EOF("a column ends before its row group".to_owned()));
            }
            let mut values = values.iter().map(|value| value.cell(&self.meaning, texts));
            if self.max_def == 0 {
                self.chunk.extend(values);
                continue;
            }
            for level in &levels {
                let there = *level == self.max_def;
                let cell = if there { values.next().unwrap_or(Cell::Null) } else { Cell::Null };
                self.chunk.push(cell);
            }
        }
        Ok(())
    }
}

fn broken(file: &FilePath, error: &ParquetError) -> FileError {
    FileError::content(file, format!("not a Parquet file that can be read: {error}"))
}
