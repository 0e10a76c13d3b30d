//! The state directory in the hands of an operator: damaged, made again, backed up, put back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::company::Company;
use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::Kafka;
use crate::rig::receiver::{Answer, Receiver, Request};

const LONG: Duration = Duration::from_secs(60);

fn start(company: &Company) -> Daemon {
    Daemon::start(&company.config, company.port, &company.env())
}

/// Waits until everything is read and every message accepted, and committed.
fn settle(daemon: &Daemon, company: &Company) {
    daemon.wait_ready(LONG);
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.wait_until("all messages are accepted", LONG, || {
        let metrics = daemon.get("/metrics")?.1;
        metrics.lines().any(|line| line.starts_with("driftd_outbox_pending 0")).then_some(())
    });
    std::thread::sleep(Duration::from_secs(1));
}

fn stop(mut daemon: Daemon) {
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
}

fn state(arguments: &[&str], dir: &Path) -> (Option<i32>, String, String) {
    let mut all = vec!["state"];
    all.extend(arguments);
    all.extend(["--dir", dir.to_str().unwrap(), "--format", "json"]);
    let output = driftd(&all, Path::new("."), &[]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What was counted.
fn counts(dir: &Path) -> Vec<Value> {
    let counted =
        |line: &Value| matches!(line["type"].as_str(), Some("pane" | "position" | "join"));
    export(dir).into_iter().filter(counted).collect()
}

fn keys(dir: &Path) -> Vec<String> {
    let lines = export(dir).into_iter().filter(|line| line["type"] == "incident");
    let mut keys: Vec<String> = lines.map(|line| line["key"].to_string()).collect();
    keys.sort();
    keys
}

/// Every message that the receiver accepted, by its id; none came with two bodies, and none twice.
fn messages(receiver: &Receiver) -> BTreeMap<String, Vec<u8>> {
    let mut bodies = BTreeMap::new();
    for path in ["/events", "/retrain"] {
        for request in receiver.requests(path) {
            let id = request.header("webhook-id").to_owned();
            assert!(bodies.insert(id, request.body.clone()).is_none(), "a second time");
        }
    }
    bodies
}

/// Pages by incident and action.
fn pages(receiver: &Receiver) -> Vec<(String, String)> {
    let pages = receiver.requests("/pager").into_iter().map(|page| {
        let body = page.json();
        (body["dedup_key"].to_string(), body["event_action"].to_string())
    });
    let mut pages: Vec<_> = pages.collect();
    pages.sort();
    pages
}

/// A state directory on a small file system of its own.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount anything.
    fn mount(path: &Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(path).unwrap();
        let mut mount = std::process::Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(path).output();
        let mount = mount.expect("there is a program `mount`");
        let denied = !mount.status.success() && !is_root();
        assert!(denied || mount.status.success(), "this test needs to mount a tmpfs: {mount:?}");
        (!denied).then(|| SmallDisk(path.to_owned()))
    }

    /// Fills it to the last byte, until the file is removed.
    fn fill(&self) -> PathBuf {
        use std::io::Write;
        let path = self.0.join("filler");
        let mut filler = std::fs::File::create(&path).unwrap();
        while filler.write_all(&[1; 1 << 12]).is_ok() {}
        path
    }
}

fn is_root() -> bool {
    let user = std::process::Command::new("id").arg("-u").output().unwrap();
    user.stdout.trim_ascii() == b"0"
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// The largest file whose name ends so.
fn largest(dir: &Path, suffix: &str) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(suffix) {
                found.push((std::fs::metadata(&path).unwrap().len(), path));
            }
        }
    }
    found.into_iter().max().expect("there is such a file").1
}

#[test]
fn a_damaged_database_is_made_again_and_nobody_is_paged_twice() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let quiet = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let dir = company.state();
    company.produce(&kafka, 0..24, 0.0, 0.0);
    company.produce(&kafka, 24..36, 60.0, 60.0 / 8.0);
    let mut daemon = start(&company);
    receiver.wait_for("/pager", 2, LONG);
    receiver.wait_for("/retrain", 1, LONG);
    settle(&daemon, &company);
    let (code, _, told) = state(&["rebuild", "--yes"], &dir);
    assert_eq!(code, Some(1), "a daemon has it");
    assert!(told.contains(dir.to_str().unwrap()), "{told}");
    daemon.kill9();
    let (known, sent, paged) = (keys(&dir), messages(&receiver), pages(&receiver));
    assert_eq!(known.len(), 2, "{known:?}");

    // Not at its end, where a write may have been interrupted.
    let journal = largest(&dir.join("db"), ".jnl");
    let mut bytes = std::fs::read(&journal).unwrap();
    let at = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 3;
    bytes[at] ^= 4;
    std::fs::write(&journal, bytes).unwrap();
    let mut refused = start(&company);
    assert_eq!(refused.wait_exit(LONG).code(), Some(1));
    let log = refused.log().join("\n");
    for word in [dir.to_str().unwrap(), "journal", "driftd state rebuild --dir"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert!(!log.contains("panicked"), "{log}");
    let (code, _, told) = state(&["inspect"], &dir);
    assert_eq!(code, Some(1), "{told}");

    let (code, _, told) = state(&["rebuild"], &dir);
    assert_eq!(code, Some(2), "nobody agreed");
    assert!(told.contains("put aside, not deleted"), "{told}");
    let (code, done, told) = state(&["rebuild", "--yes"], &dir);
    assert_eq!(code, Some(0), "{told}");
    let done: Value = serde_json::from_str(&done).unwrap();
    assert!(Path::new(done["aside"].as_str().unwrap()).join("keyspaces").exists());

    let daemon = start(&company);
    let (config, port) = company.second(&kafka, &quiet);
    let fresh = Daemon::start(&config, port, &company.env());
    settle(&daemon, &company);
    settle(&fresh, &company);
    let metrics = daemon.get("/metrics").unwrap().1;
    assert!(metrics.contains("driftd_state_bytes"), "{metrics}");
    stop(daemon);
    stop(fresh);
    assert_eq!(counts(&dir), counts(&company.folder.join("second")));
    assert_eq!(keys(&dir), known);
    assert_eq!(messages(&receiver), sent);
    assert_eq!(pages(&receiver), paged);
    let outbox = export(&dir).into_iter().filter(|line| line["type"] == "outbox");
    let states: Vec<Value> = outbox.map(|line| line["state"].clone()).collect();
    assert!(states.len() >= 4 && states.iter().all(|state| state == "delivered"), "{states:?}");

    // The end of it is new, and is told.
    company.produce(&kafka, 36..72, 0.0, 0.0);
    let daemon = start(&company);
    receiver.wait_for("/pager", 4, LONG);
    settle(&daemon, &company);
    stop(daemon);
    assert_eq!(keys(&dir), known);
    let resolved = pages(&receiver).into_iter().filter(|(_, action)| action.contains("resolve"));
    assert_eq!(resolved.count(), 2);
    messages(&receiver);
}

#[test]
fn a_backup_of_a_running_daemon_is_put_back() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let (dir, backup) = (company.state(), company.folder.join("backup"));
    company.produce(&kafka, 0..24, 0.0, 0.0);
    company.produce(&kafka, 24..30, 60.0, 60.0 / 8.0);
    let daemon = start(&company);
    receiver.wait_for("/pager", 1, LONG);
    settle(&daemon, &company);
    let to = ["backup", "--to", backup.to_str().unwrap()];
    let (code, done, told) = state(&to, &dir);
    assert_eq!(code, Some(0), "{told}");
    let done: Value = serde_json::from_str(&done).unwrap();
    assert!(done["commit"].as_u64() > Some(1), "{done}");
    let (code, _, told) = state(&to, &dir);
    assert_eq!(code, Some(1), "it exists");
    assert!(told.contains(backup.to_str().unwrap()), "{told}");
    let left = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_str().unwrap().starts_with(".backup")));

    let (code, shown, told) = state(&["inspect", "--verify"], &backup);
    assert_eq!(code, Some(0), "{told}");
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    assert_eq!(of("state")["format"], 3);
    assert_eq!(of("state")["commit"], done["commit"]);
    assert!(of("model")["panes"].as_u64() > Some(20) && of("model")["firing"] == 2, "{lines:?}");
    assert!(of("position")["offset"].as_u64() > Some(100));
    assert_eq!(of("sent")["messages"], of("sent")["delivered"]);

    // It ends, is told, and then the state is lost.
    company.produce(&kafka, 30..72, 0.0, 0.0);
    receiver.wait_for("/pager", 4, LONG);
    settle(&daemon, &company);
    let mut daemon = daemon;
    daemon.kill9();
    let (panes, known) = (counts(&dir), keys(&dir));
    let (sent, paged) = (messages(&receiver), pages(&receiver));
    std::fs::rename(dir.join("db"), dir.join("lost")).unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-r", backup.join("db").to_str().unwrap(), dir.join("db").to_str().unwrap()])
        .status();
    assert!(copied.unwrap().success());
    let daemon = start(&company);
    settle(&daemon, &company);
    stop(daemon);
    // The oldest panes go when the watermark, our clock's in the end, has passed them.
    let oldest = |lines: &[Value]| {
        let starts = lines.iter().filter_map(|line| line["start"].as_str().map(str::to_owned));
        starts.min().unwrap()
    };
    let now = counts(&dir);
    let from = oldest(&panes).max(oldest(&now));
    let kept = |lines: &[Value]| -> Vec<Value> {
        let gone = |line: &Value| line["start"].as_str().is_some_and(|start| start < &*from);
        lines.iter().filter(|line| !gone(line)).cloned().collect()
    };
    assert_eq!(kept(&now), kept(&panes));
    assert_eq!(keys(&dir), known);
    assert_eq!(messages(&receiver), sent);
    assert_eq!(pages(&receiver), paged);
}

#[test]
fn on_a_full_disk_messages_are_delivered_and_known_to_be() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let dir = company.state();
    let Some(disk) = SmallDisk::mount(&dir) else {
        eprintln!("not run: only root may mount a small disk to fill");
        return;
    };
    let paths = ["/pager", "/events", "/retrain"];
    for path in paths {
        receiver.script(path, &vec![Answer::status(503); 12]);
    }
    company.produce(&kafka, 0..24, 0.0, 0.0);
    company.produce(&kafka, 24..36, 60.0, 60.0 / 8.0);
    let mut daemon = start(&company);
    receiver.wait_for("/pager", 1, LONG);
    receiver.wait_for("/retrain", 1, LONG);
    let filler = disk.fill();
    daemon.wait_until("the disk is found full", LONG, || {
        daemon.get("/readyz").filter(|(_, body)| body.contains("disk_full"))
    });
    let read = |daemon: &Daemon| -> Vec<String> {
        let metrics = daemon.get("/metrics").unwrap().1;
        let lines = metrics.lines().filter(|l| l.starts_with("driftd_events_consumed_total"));
        lines.map(str::to_owned).collect()
    };
    let taken = read(&daemon);
    company.produce(&kafka, 36..40, 0.0, 0.0);
    receiver.forgive();
    let outbox =
        |daemon: &Daemon| daemon.json("/api/v1/outbox")["items"].as_array().unwrap().clone();
    daemon.wait_until("all is accepted", LONG, || {
        outbox(&daemon).iter().all(|row| row["state"] == "delivered").then_some(())
    });
    assert!(!taken.is_empty());
    assert_eq!(read(&daemon), taken, "and nothing further is taken");
    assert!(daemon.get("/readyz").unwrap().1.contains("disk_full"));
    std::thread::sleep(Duration::from_secs(1));
    let known = outbox(&daemon).len();
    daemon.kill9();
    // In the database itself, not only in the file of sent messages.
    let states = |dir: &Path| -> Vec<Value> {
        let rows = export(dir).into_iter().filter(|line| line["type"] == "outbox");
        rows.map(|line| line["state"].clone()).collect()
    };
    assert_eq!(states(&dir), vec![Value::from("delivered"); known]);
    let before = paths.map(|path| receiver.requests(path).len());
    std::fs::remove_file(filler).unwrap();
    let daemon = start(&company);
    settle(&daemon, &company);
    assert!(!daemon.get("/readyz").unwrap().1.contains("disk_full"));
    stop(daemon);
    // What came since then is new: what was read from Kafka meanwhile ends the incidents.
    for (path, before) in paths.into_iter().zip(before) {
        let mut known = receiver.requests(path);
        for new in known.split_off(before) {
            let again = |old: &Request| match path {
                "/pager" => old.body == new.body,
                _ => old.header("webhook-id") == new.header("webhook-id"),
            };
            assert!(!known.iter().any(again), "{path}: {}", new.json());
        }
    }
    drop(disk);
}
