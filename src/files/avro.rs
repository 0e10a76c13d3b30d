//! Avro object container files: the schema at the beginning, then blocks of records.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use apache_avro::{Codec, DeflateSettings, ZstandardSettings};

use super::columns::{Columns, Renaming, rename};
use super::{FileError, Next, Opened, Options, Source};
use crate::wire::{Cells, Datums, FieldPlan, Place, ReaderSpec, Written, long};

const MAGIC: &[u8; 4] = b"Obj\x01";
/// Largest head, and largest block as it stands in the file; writers make blocks of some 16 kB.
const MOST_HEAD: u64 = 16 << 20;
const MOST_BLOCK: u64 = 256 << 20;

#[derive(Debug)]
struct Container {
    file: PathBuf,
    input: BufReader<File>,
    datums: Datums,
    codec: Codec,
    marker: [u8; 16],
    /// The records of the current block, and where the next one begins.
    block: Vec<u8>,
    at: usize,
    left: u64,
    bytes: u64,
}

/// What stands before the blocks.
struct Head {
    schema: String,
    codec: Codec,
    marker: [u8; 16],
}

pub(super) fn open(
    file: &FilePath,
    mut spec: ReaderSpec,
    options: &Options,
) -> Result<Opened, FileError> {
    let mut input = BufReader::with_capacity(1 << 16, super::open(file)?);
    let mut bytes = 0;
    let head = Walk { file, input: &mut input, bytes: &mut bytes }.head()?;
    let written =
        Written { language: "AVRO".to_owned(), text: head.schema, references: Vec::new() };
    let refused = |refusal: crate::wire::Refusal| FileError::content(file, refusal.detail);
    let outline = crate::wire::outline(&written).map_err(refused)?;
    let paths = outline.paths();
    let tops: Vec<&str> = paths.iter().map(|path| path.split('.').next().unwrap_or(path)).collect();
    let mut names: Vec<&str> = Vec::new();
    tops.into_iter().filter(|name| !name.is_empty()).for_each(|name| {
        if !names.contains(&name) {
            names.push(name);
        }
    });
    let renaming = Renaming {
        columns: Columns::new(names.iter().copied()),
        names: &names,
        has: &|path| match path.place() {
            Place::Payload(steps) => outline.find(steps).is_some(),
            _ => false,
        },
        empty: false,
    };
    let absent = rename(file, &mut spec, options, &renaming)?;
    let plan = Arc::new(FieldPlan::new(spec.every_path()));
    let datums = Datums::new(&written, &plan).map_err(refused)?;
    let source = Container {
        file: file.to_owned(),
        input,
        datums,
        codec: head.codec,
        marker: head.marker,
        block: Vec::new(),
        at: 0,
        left: 0,
        bytes,
    };
    Ok(Opened { source: Box::new(source), spec, plan, absent })
}

impl Source for Container {
    fn next(&mut self, cells: &mut Cells) -> Result<Next, FileError> {
        while self.left == 0 {
            if self.at != self.block.len() {
                return Err(self.broken("a block holds more than its records"));
            }
            if !self.next_block()? {
                return Ok(Next::End);
            }
        }
        self.left -= 1;
        match self.datums.next(&self.block, &mut self.at, cells) {
            Ok(()) => Ok(Next::Row),
            Err(refusal) => Err(self.broken(&refusal.detail)),
        }
    }

    fn payload(&self) -> &[u8] {
        &self.block
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Container {
    fn broken(&self, what: &str) -> FileError {
        let message = format!("the block that ends at byte {}: {what}", self.bytes);
        FileError::content(&self.file, message)
    }

    /// Reads the next block; false at the end of the file.
    fn next_block(&mut self) -> Result<bool, FileError> {
        let mut walk = Walk { file: &self.file, input: &mut self.input, bytes: &mut self.bytes };
        if walk.at_end()? {
            return Ok(false);
        }
        let (count, size) = (walk.long()?, walk.long()?);
        let count = u64::try_from(count).map_err(|_| walk.broken("a block's count is negative"))?;
        let size = u64::try_from(size).ok().filter(|size| *size <= MOST_BLOCK);
        let size = size.ok_or_else(|| walk.broken("a block is too large"))?;
        walk.take(size, &mut self.block)?;
        let marker: [u8; 16] = walk.array()?;
        if marker != self.marker {
            return Err(walk.broken("the mark at the end of a block is another one"));
        }
        self.codec.decompress(&mut self.block).map_err(|error| {
            FileError::content(&self.file, format!("a block cannot be decompressed: {error}"))
        })?;
        (self.at, self.left) = (0, count);
        Ok(true)
    }
}

/// The parts of the file around its records.
struct Walk<'a> {
    file: &'a FilePath,
    input: &'a mut BufReader<File>,
    bytes: &'a mut u64,
}

impl Walk<'_> {
    fn broken(&self, what: &str) -> FileError {
        FileError::content(self.file, format!("byte {}: {what}", self.bytes))
    }

    fn head(&mut self) -> Result<Head, FileError> {
        if self.array::<4>()? != *MAGIC {
            return Err(self.broken("it does not begin as an Avro object container file does"));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        loop {
            let count = self.long()?;
            if count == 0 {
                break;
            }
            if count < 0 {
                self.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                let key = self.piece()?;
                let value = self.piece()?;
                let text = String::from_utf8_lossy(&value).into_owned();
                match key.as_slice() {
                    b"avro.schema" => schema = Some(text),
                    b"avro.codec" => codec = self.codec(&text)?,
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| self.broken("it has no schema"))?;
        Ok(Head { schema, codec, marker: self.array()? })
    }

    fn codec(&self, name: &str) -> Result<Codec, FileError> {
        match name {
            "null" => Ok(Codec::Null),
            "deflate" => Ok(Codec::Deflate(DeflateSettings::default())),
            "snappy" => Ok(Codec::Snappy),
            "zstandard" => Ok(Codec::Zstandard(ZstandardSettings::default())),
            other => Err(self.broken(&format!(
                "its codec is {other}; driftd reads null, deflate, snappy and zstandard"
            ))),
        }
    }

    fn at_end(&mut self) -> Result<bool, FileError> {
        match self.input.fill_buf() {
            Ok(rest) => Ok(rest.is_empty()),
            Err(error) => Err(FileError::read(self.file, error)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let mut array = [0; N];
        self.input.read_exact(&mut array).map_err(|error| FileError::read(self.file, error))?;
        *self.bytes += N as u64;
        Ok(array)
    }

    fn long(&mut self) -> Result<i64, FileError> {
        let read = long(|| self.array().map(|[byte]| byte))?;
        read.ok_or_else(|| self.broken("a number has more than 64 bits"))
    }

    fn piece(&mut self) -> Result<Vec<u8>, FileError> {
        let size = u64::try_from(self.long()?).ok().filter(|size| *size <= MOST_HEAD);
        let size = size.ok_or_else(|| self.broken("its head is too large"))?;
        let mut bytes = Vec::new();
        self.take(size, &mut bytes)?;
        Ok(bytes)
    }

    /// The next bytes, and no more memory than there are.
    fn take(&mut self, size: u64, into: &mut Vec<u8>) -> Result<(), FileError> {
        into.clear();
        let read = self.input.by_ref().take(size).read_to_end(into);
        let read = read.map_err(|error| FileError::read(self.file, error))?;
        *self.bytes += read as u64;
        if (read as u64) < size { Err(self.broken("the file ends too early")) } else { Ok(()) }
    }
}
