//! A process that does nothing but commit, or nothing but copy, and its end.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use driftd::store::{Embedded, Store, backup};

use crate::model::number;
use crate::script::Script;

/// What this binary is started with to be such a process.
const COMMIT: &str = "--commit-into";
const BACKUP: &str = "--backup-of";
/// A store that takes no commit for so long never will.
const STUCK: Duration = Duration::from_secs(60);

/// Does what it was started for, if that is to commit or to copy.
pub fn be_one() -> Option<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [mode, folder, seed] if mode == COMMIT => commit(Path::new(folder), seed.parse().ok()?),
        [mode, folder, to] if mode == BACKUP => {
            backup(Path::new(folder), Path::new(to)).unwrap_or_else(|error| panic!("{error}"));
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}

/// Commits without end, and tells the number of each commit once it is acknowledged; first of all
/// the one that it found.
fn commit(folder: &Path, seed: u64) -> Option<ExitCode> {
    let store = Embedded::open(folder).unwrap_or_else(|error| panic!("{error}"));
    let script = Script::new(seed);
    let mut tell = std::io::stdout();
    for number in number(&store).. {
        tell.write_all(&number.to_le_bytes()).and_then(|()| tell.flush()).ok()?;
        let batch = script.batch(number + 1);
        match script.acknowledges(number + 1) {
            true => store.acknowledge(&batch),
            false => store.commit(&batch),
        }
        .unwrap_or_else(|error| panic!("commit {}: {error}", number + 1));
    }
    None
}

/// Such a process, seen from outside.
pub struct Life {
    child: Child,
    told: Receiver<u64>,
    last: Option<u64>,
}

impl Life {
    pub fn committing(state: &Path, seed: u64, log: &Path, env: &[(&str, String)]) -> Life {
        Life::start([COMMIT, state.to_str().unwrap(), &seed.to_string()], log, env)
    }

    pub fn copying(state: &Path, to: &Path, log: &Path) -> Life {
        Life::start([BACKUP, state.to_str().unwrap(), to.to_str().unwrap()], log, &[])
    }

    fn start(arguments: [&str; 3], log: &Path, env: &[(&str, String)]) -> Life {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut pipe = child.stdout.take().unwrap();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 8];
            while pipe.read_exact(&mut bytes).is_ok() {
                let _ = tell.send(u64::from_le_bytes(bytes));
            }
        });
        Life { child, told, last: None }
    }

    /// Waits until so many numbers were told; the first comes when the store is open.
    pub fn listen(&mut self, numbers: u64) {
        for _ in 0..numbers {
            match self.told.recv_timeout(STUCK) {
                Ok(number) => self.last = Some(number),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("nothing was committed for {STUCK:?} after {:?}", self.last);
                }
            }
        }
    }

    /// Waits until so many more were told than have been by now.
    pub fn go_on(&mut self, numbers: u64) {
        while let Ok(number) = self.told.try_recv() {
            self.last = Some(number);
        }
        self.listen(numbers);
    }

    /// The last number that has been listened to.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// kill -9; the last number that it told.
    pub fn kill(mut self) -> Result<Option<u64>, String> {
        // It may have ended by itself, which is told below.
        let _ = self.child.kill();
        let ended = self.child.wait().unwrap();
        if ended.signal() != Some(9) {
            return Err(format!("it ended by itself: {ended}"));
        }
        Ok(self.told.iter().last().or(self.last))
    }

    /// Waits for its end; whether all went well.
    pub fn wait(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}
