//! JSON lines: one object per line, nested or flat.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::columns::{Columns, Renaming, rename};
use super::{AbsentColumn, FileError, Next, Opened, Options, Source};
use crate::wire::{
    Cells, DEFAULT_MAX_BYTES, FieldPlan, FormatSpec, Path, PayloadReader, Place, ReaderSpec,
    Reason, Record, Refusal,
};

/// Lines looked at to learn whether the objects are nested as the events are, or flat.
const LOOKED_AT: usize = 100;

#[derive(Debug)]
struct Lines {
    file: PathBuf,
    input: BufReader<File>,
    reader: Box<dyn PayloadReader>,
    line: Vec<u8>,
    bytes: u64,
}

pub(super) fn open(
    file: &FilePath,
    mut spec: ReaderSpec,
    options: &Options,
) -> Result<Opened, FileError> {
    let mut input = BufReader::with_capacity(1 << 16, super::open(file)?);
    let absent = adapt(file, &mut spec, options, &look(file, &mut input)?)?;
    input.rewind().map_err(|error| FileError::read(file, error))?;
    let plan = Arc::new(FieldPlan::new(spec.every_path()));
    let reader = FormatSpec::json().format.reader(&plan);
    let source = Lines { file: file.to_owned(), input, reader, line: Vec::new(), bytes: 0 };
    Ok(Opened { source: Box::new(source), spec, plan, absent })
}

/// The first objects of the file.
fn look(file: &FilePath, input: &mut BufReader<File>) -> Result<Vec<Value>, FileError> {
    let mut objects = Vec::new();
    let mut line = Vec::new();
    for _ in 0..LOOKED_AT {
        let read = read_line(input, &mut line).map_err(|error| FileError::read(file, error))?;
        let Some(read) = read else { break };
        if objects.is_empty() && line.trim_ascii_start().first() == Some(&b'[') {
            let message = "holds one list; write one object per line (jq -c '.[]' does it)";
            return Err(FileError::content(file, message));
        }
        if read.whole {
            objects.extend(serde_json::from_slice::<Value>(&line).ok());
        }
    }
    Ok(objects)
}

/// Rewrites paths that the objects do not have to the flat name that they have instead.
fn adapt(
    file: &FilePath,
    spec: &mut ReaderSpec,
    options: &Options,
    objects: &[Value],
) -> Result<Vec<AbsentColumn>, FileError> {
    let names: BTreeSet<&str> = objects
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|fields| fields.keys().map(String::as_str))
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let renaming = Renaming {
        columns: Columns::new(names.iter().copied()),
        names: &names,
        has: &|path| nested(path, objects),
        empty: objects.is_empty(),
    };
    rename(file, spec, options, &renaming)
}

/// Whether some object has the path as it is configured.
fn nested(path: &Path, objects: &[Value]) -> bool {
    let Place::Payload(steps) = path.place() else { return false };
    let pointer: String = steps
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect();
    objects.iter().any(|object| object.pointer(&pointer).is_some())
}

impl Source for Lines {
    fn next(&mut self, cells: &mut Cells) -> Result<Next, FileError> {
        loop {
            let read = read_line(&mut self.input, &mut self.line)
                .map_err(|error| FileError::read(&self.file, error))?;
            let Some(read) = read else { return Ok(Next::End) };
            self.bytes += read.bytes;
            if !read.whole {
                let detail = format!("{} bytes; the limit is {DEFAULT_MAX_BYTES}", read.bytes);
                return Ok(Next::Refused(Refusal { reason: Reason::TooLarge, detail }));
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            return Ok(match self.reader.read(&Record::alone(&self.line), &self.line, cells) {
                Ok(()) => Next::Row,
                Err(unread) => Next::Refused(unread.refusal()),
            });
        }
    }

    fn payload(&self) -> &[u8] {
        &self.line
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

struct LineRead {
    /// Bytes of the file that the line takes.
    bytes: u64,
    /// False where it is longer than the limit: then only its start is kept.
    whole: bool,
}

/// Reads a line without holding more of it than the limit; `None` at the end of the file.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<LineRead>> {
    line.clear();
    let mut bytes = 0;
    let mut whole = true;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|&b| b == b'\n');
        let piece = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        whole &= line.len() + piece.len() <= DEFAULT_MAX_BYTES;
        if whole {
            line.extend_from_slice(piece);
        }
        let used = piece.len() + usize::from(end.is_some());
        bytes += used as u64;
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.starts_with(b"\xef\xbb\xbf") {
        line.drain(..3);
    }
    Ok((bytes > 0).then_some(LineRead { bytes, whole }))
}
