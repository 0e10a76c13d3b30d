//! A disk without power: what was not synced is gone. See `platter.c` for what it keeps.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use super::random::Random;

/// What a disk writes at once.
const PAGE: usize = 4096;

pub struct Platter {
    library: PathBuf,
    folder: PathBuf,
    of: PathBuf,
}

impl Platter {
    /// A platter for a folder; needs a C compiler, as the build does.
    pub fn new(folder: &Path, of: &Path) -> Platter {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("platter-{}.so", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kill/platter.c");
        let status = Command::new("cc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .status()
            .expect("a C compiler is there: the build needs one too");
        assert!(status.success());
        Platter { library, folder: folder.to_owned(), of: of.to_owned() }
    }

    /// What a process needs in its environment for its syncs to be kept.
    pub fn env(&self) -> [(&'static str, String); 3] {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD", text(&self.library)),
            ("PLATTER", text(&self.folder)),
            ("PLATTER_OF", text(&self.of)),
        ]
    }

    /// From here on; all that is there now is durable.
    pub fn begin(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        for kind in ["files", "dirs"] {
            fs::create_dir_all(self.folder.join(kind)).unwrap();
        }
        if self.of.exists() {
            self.keep(&self.of);
        }
    }

    fn keep(&self, path: &Path) {
        if !path.is_dir() {
            fs::copy(path, self.folder.join("files").join(id(path))).unwrap();
            return;
        }
        let mut list = String::new();
        for entry in fs::read_dir(path).unwrap() {
            let inner = entry.unwrap().path();
            let kind = if inner.is_dir() { "dir" } else { "file" };
            let name = inner.file_name().unwrap().to_str().unwrap();
            list.push_str(&format!("{kind}\t{}\t{name}\n", id(&inner)));
            self.keep(&inner);
        }
        fs::write(self.folder.join("dirs").join(id(path)), list).unwrap();
    }

    /// The power is back: the folder holds what was synced, and nothing else.
    pub fn cut(&self) {
        self.restore(None);
    }

    /// The power is back, and it went while the disk wrote: of what was not synced some pages are
    /// there, in no order, and others are not.
    pub fn tear(&self, random: &mut Random) {
        let mut written = BTreeMap::new();
        if self.of.exists() {
            inventory(&self.of, &mut written);
        }
        self.restore(Some(&mut Torn { written, random }));
    }

    fn restore(&self, torn: Option<&mut Torn>) {
        if !self.of.exists() {
            return;
        }
        let rebuilt = self.of.with_extension("rebuilt");
        let _ = fs::remove_dir_all(&rebuilt);
        self.rebuild(&id(&self.of), &rebuilt, torn);
        fs::remove_dir_all(&self.of).unwrap();
        fs::rename(&rebuilt, &self.of).unwrap();
    }

    fn rebuild(&self, folder: &str, to: &Path, mut torn: Option<&mut Torn>) {
        fs::create_dir(to).unwrap();
        let list = fs::read_to_string(self.folder.join("dirs").join(folder)).unwrap_or_default();
        for line in list.lines() {
            let [kind, id, name] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let to = to.join(name);
            if kind == "dir" {
                self.rebuild(id, &to, torn.as_deref_mut());
                continue;
            }
            let synced = self.folder.join("files").join(id);
            match &mut torn {
                Some(torn) if torn.written.contains_key(id) => torn.mix(id, &synced, &to),
                _ if fs::copy(&synced, &to).is_ok() => {}
                // The name is durable, the content is not.
                _ => fs::write(&to, "").unwrap(),
            }
        }
    }
}

/// What was written when the power went, synced or not.
struct Torn<'a> {
    /// Files by their ids.
    written: BTreeMap<String, PathBuf>,
    random: &'a mut Random,
}

impl Torn<'_> {
    fn mix(&mut self, id: &str, synced: &Path, to: &Path) {
        let mut bytes = fs::read(synced).unwrap_or_default();
        let written = fs::read(&self.written[id]).unwrap();
        let share = [10, 50, 90][self.random.below(3) as usize];
        if self.random.percent(50) {
            bytes.resize(written.len(), 0);
        }
        for (page, new) in bytes.chunks_mut(PAGE).zip(written.chunks(PAGE)) {
            let both = page.len().min(new.len());
            if page[..both] != new[..both] && self.random.percent(share) {
                page[..both].copy_from_slice(&new[..both]);
            }
        }
        fs::write(to, bytes).unwrap();
    }
}

fn inventory(folder: &Path, found: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            inventory(&path, found);
        } else {
            found.insert(id(&path), path);
        }
    }
}

fn id(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    let birth = metadata.created().expect("the file system knows births");
    let birth = birth.duration_since(UNIX_EPOCH).unwrap();
    format!("{}-{}-{}", metadata.ino(), birth.as_secs(), birth.subsec_nanos())
}
