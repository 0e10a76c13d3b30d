//! What a folder takes.

use std::path::Path;

/// Bytes that the files of a folder take on disk; files may go while it looks.
pub fn bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(inner) if inner.is_dir() => bytes(&entry.path()),
            Ok(inner) => inner.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
