//! Why a file cannot be read.

use std::path::{Path, PathBuf};

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Opening or reading failed.
    #[error("cannot read {}: {why}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// The extension is unknown.
    #[error(
        "{}: the kind of a file is told by its extension; driftd reads .csv, .tsv, .jsonl, \
         .ndjson, .json (one object per line), .avro and .parquet",
        .0.display()
    )]
    Kind(PathBuf),
    /// This build has no Parquet.
    #[error(
        "{}: this driftd was built without Parquet; convert the file to CSV, or build with the \
         feature parquet",
        .0.display()
    )]
    WithoutParquet(PathBuf),
    /// The content is not what the extension says.
    #[error("{}: {message}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// Needed columns are not there.
    #[error("{}: {missing}; the file has {columns}", file.display())]
    Columns {
        /// The file.
        file: PathBuf,
        /// Which columns are needed, and for what.
        missing: String,
        /// The columns that are there.
        columns: String,
    },
}

impl FileError {
    pub(super) fn read(file: &Path, why: std::io::Error) -> FileError {
        FileError::Read { file: file.to_owned(), why }
    }

    pub(super) fn content(file: &Path, message: impl std::fmt::Display) -> FileError {
        FileError::Content { file: file.to_owned(), message: message.to_string() }
    }
}
