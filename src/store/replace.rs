//! Files of a state directory that are written anew: after a crash there is the old one or the new.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts a file, for our user's eyes only, in the place of another one.
///
/// # Errors
/// It cannot be written; the other one is still there.
pub fn replace(directory: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let new = directory.join(format!("{name}.new"));
    let mut options = File::options();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, directory.join(name))?;
    File::open(directory)?.sync_all()
}
