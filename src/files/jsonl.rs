//! JSON lines: one object per line, nested or flat.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::columns::{Columns, Found, parts};
use super::{AbsentColumn, FileError, Next, Opened, Options, Source};
use crate::wire::{
    Cells, DEFAULT_MAX_BYTES, FieldPlan, FormatSpec, Path, PayloadReader, Place, ReaderSpec,
    Reason, Refusal,
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
    let columns = Columns::new(names.iter().copied());
    let parts = parts(spec, options);
    let all: Vec<&Path> = parts.iter().map(|(_, path, _)| *path).collect();
    let mut moved: Vec<(Path, Path)> = Vec::new();
    let mut absent = Vec::new();
    for (part, path, needed) in &parts {
        if nested(path, objects) {
            continue;
        }
        let rivals = match columns.find(path, &all) {
            Found::Column(at) => {
                let name = names.get(at).copied().unwrap_or_default();
                moved.push(((*path).clone(), Path::top(path.as_str(), name)));
                continue;
            }
            Found::Nowhere => Vec::new(),
            Found::Contested(rivals) => rivals,
        };
        // What a filter asks for may be rare; an id and a time are in every line or in none.
        let needed = *needed && *part != "where" && !objects.is_empty();
        absent.push(AbsentColumn::new(part, path, rivals, needed));
    }
    columns.without(file, &absent)?;
    for path in every_path_mut(spec) {
        match moved.iter().find(|(from, _)| from == path) {
            Some((_, to)) => *path = to.clone(),
            // Outside a topic there is nothing around the payload: never found, as it should be.
            None if !matches!(path.place(), Place::Payload(_)) => {
                *path = Path::top(path.as_str(), path.as_str());
            }
            None => {}
        }
    }
    Ok(absent)
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

fn every_path_mut(spec: &mut ReaderSpec) -> impl Iterator<Item = &mut Path> {
    spec.id
        .iter_mut()
        .chain([&mut spec.time.path])
        .chain(&mut spec.version)
        .chain(spec.filter.iter_mut().map(|filter| &mut filter.path))
        .chain(spec.numbers.iter_mut().chain(&mut spec.words).map(|field| &mut field.path))
        .chain(spec.prediction.iter_mut().chain(&mut spec.outcome).map(|value| &mut value.path))
        .chain(&mut spec.probabilities)
        .chain(spec.paths.iter_mut().map(|(path, _)| path))
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
            return Ok(match self.reader.read(&self.line, cells) {
                Ok(()) => Next::Row,
                Err(refusal) => Next::Refused(refusal),
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
