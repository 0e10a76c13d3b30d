//! Registries that come, go, move and cannot be trusted, under load.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::company::{Company, Hour};
use crate::rides::*;
use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::registry::Registry;

const LONG: Duration = Duration::from_secs(120);

/// Events of one batch under load, and their distance in event time, in milliseconds.
const BATCH: i64 = 1000;
const APART: i64 = 20;

/// A batch of predictions, each by one of these schemas, which differ in the fields before `fare`.
fn batch(company: &Company, number: i64, ids: &[u32]) -> Vec<Rec> {
    let event = |place: i64| {
        let id = number * BATCH + place;
        let version = (place as usize / 2) % ids.len();
        let request = Value::from(format!("r{id}"));
        let datum = [
            text(&request),
            long((company.start * 1000 + id * APART) * 1000),
            text(&"v1".into()),
            0.5f64.to_le_bytes().repeat(version),
            ((id % 100) as f64).to_le_bytes().to_vec(),
            long(1),
            text(&"Oslo".into()),
            10.0f64.to_le_bytes().to_vec(),
        ];
        Rec::bytes(&framed(ids[version], &datum.concat())).on((id % 2) as i32)
    };
    (0..BATCH).map(event).collect()
}

/// Stops whoever looks at it, also where a test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_registry_that_comes_and_goes_under_load_loses_nothing() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "patience = \"10m\"\ntimeout = \"1s\"");
    let subject = format!("{}-value", company.predictions);
    let ids: Vec<u32> = (0..6)
        .map(|version| {
            let more = |i| format!(r#"{{"name":"x{i}","type":"double","default":0}},"#);
            let more: String = (0..version).map(more).collect();
            let fields = format!(r#"{more}{{"name":"fare","type":"double"}},{CITY}"#);
            registry.register(&subject, "AVRO", &prediction(&fields))
        })
        .collect();
    let topics = [company.predictions.as_str()];
    let (stop, batches, known) = (AtomicBool::new(false), AtomicI64::new(0), AtomicI64::new(2));
    let made = std::thread::scope(|scope| {
        let ending = Ending(&stop);
        let producing = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = batches.fetch_add(1, Ordering::Relaxed);
                let known = known.load(Ordering::Relaxed) as usize;
                kafka.produce(&company.predictions, &batch(&company, number, &ids[..known]));
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let begun = |more: i64| {
            let want = batches.load(Ordering::Relaxed) + more;
            crate::rig::wait_until("more is produced", LONG, || {
                (batches.load(Ordering::Relaxed) >= want).then_some(())
            });
        };
        let mut daemon = Daemon::start(&company.config, company.port, &company.env());
        daemon.wait_until("events are read", LONG, || {
            (consumed(&daemon, topics[0])? > 1000.0).then_some(())
        });
        let waiting = |daemon: &Daemon, partitions: f64| {
            daemon.wait_until("partitions wait", LONG, || {
                (metric(daemon, "driftd_partitions_waiting ")? == partitions).then_some(())
            });
        };
        registry.stop();
        begun(5);
        known.store(4, Ordering::Relaxed);
        waiting(&daemon, 2.0);
        daemon.kill9();
        begun(5);
        // A start without a registry reads what it knows, and waits where it waited.
        let mut daemon = Daemon::start(&company.config, company.port, &company.env());
        waiting(&daemon, 2.0);
        registry.restart();
        waiting(&daemon, 0.0);
        daemon.kill9();
        known.store(5, Ordering::Relaxed);
        let mut daemon = Daemon::start(&company.config, company.port, &company.env());
        begun(5);
        registry.stop();
        known.store(6, Ordering::Relaxed);
        waiting(&daemon, 2.0);
        registry.restart();
        begun(10);
        drop(ending);
        producing.join().unwrap();
        // What the daemon says of its lag may be older than the last batch.
        daemon.wait_until("all is in the state", LONG, || {
            let all = |p| {
                let end = kafka.end(topics[0], p);
                kafka.committed(&company.group, topics[0], p) == Some(end)
            };
            (all(0) && all(1)).then_some(())
        });
        daemon.wait_ready(LONG);
        daemon.signal("TERM");
        assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
        (batches.load(Ordering::Relaxed) * BATCH) as u64
    });
    assert!(made > 50_000, "{made} events are no load");
    let state = export(&company.state());
    let panes: Vec<&Value> =
        state.iter().filter(|l| l["type"] == "pane" && l["segment"].is_null()).collect();
    let sum = |field: &str| panes.iter().map(|l| l[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("predictions"), sum("late")), (made, 0));
    let fares = panes.iter().map(|l| l["features"]["fare"]["count"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(fares, made, "every schema was read by its own fields");
    let letters = std::fs::metadata(company.state().join("dead-letters.jsonl"));
    assert!(letters.map_or(true, |file| file.len() == 0), "nothing was refused");
}

/// A reload that is accepted and has reached whoever reads and counts.
fn reload(daemon: &Daemon) {
    let in_force = || {
        let lines = daemon.log();
        lines.iter().filter(|line| line.contains("the changed configuration is in force")).count()
    };
    let before = in_force();
    let bearer = ("Authorization", "Bearer canary-token");
    let (status, said) = daemon.post("/-/reload", "", &[bearer]).expect("the API answers");
    assert_eq!(status, 200, "{said}");
    daemon.wait_until("the reload is in force", LONG, || (in_force() > before).then_some(()));
}

#[test]
fn registries_are_added_moved_and_removed_on_a_running_daemon() {
    let (kafka, receiver) = (Kafka::shared(), Receiver::start());
    let company = Company::found(&kafka, &receiver, 2);
    let json = std::fs::read_to_string(&company.config).unwrap();
    let hour = |number: i64| company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2).0;
    let bare = |records: Vec<Rec>| -> Vec<Rec> {
        let bare = |record: Rec| Rec { payload: record.payload.map(|p| p[5..].to_vec()), ..record };
        records.into_iter().map(bare).collect()
    };
    let by = |number: i64, id: u32| -> Vec<Rec> {
        hour(number).iter().map(|record| avro_prediction(id, record, &features)).collect()
    };
    let avro = |format: &str| json.replacen("format = \"json\"", format, 1);
    let alone = "format = { kind = \"avro\", schema = \"rides.avsc\" }";
    let registered = "format = { kind = \"avro\", registry = \"main\" }";
    let read = |daemon: &Daemon, records: f64| {
        daemon.wait_until("all is read", LONG, || {
            (consumed(daemon, &company.predictions)? == records).then_some(())
        });
    };
    std::fs::write(company.folder.join("rides.avsc"), first_version()).unwrap();
    std::fs::write(&company.config, avro(alone)).unwrap();
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    kafka.produce(&company.predictions, &bare(by(0, 0)));
    read(&daemon, 60.0);

    let subject = format!("{}-value", company.predictions);
    let (first, second) = (Registry::start(), Registry::start());
    let one = first.register(&subject, "AVRO", &first_version());
    // Another registry gives the same number to another schema.
    let wider = format!(
        r#"{{"name":"tip","type":"double","default":0}},{{"name":"fare","type":"double"}},{CITY}"#
    );
    let other = second.register(&subject, "AVRO", &prediction(&wider));
    let two = second.register(&subject, "AVRO", &first_version());
    assert_eq!(one, other);
    let at = |registry: &Registry| {
        avro(registered) + &format!("\n[registries.main]\nurl = \"{}\"\n", registry.url())
    };
    std::fs::write(&company.config, at(&first)).unwrap();
    reload(&daemon);
    kafka.produce(&company.predictions, &by(1, one));
    read(&daemon, 120.0);

    // One that does not answer: the schema that is kept serves.
    let away = at(&first).replace(&first.url(), "http://127.0.0.1:1");
    std::fs::write(&company.config, away).unwrap();
    reload(&daemon);
    assert!(daemon.log().join("\n").contains("the state keeps"), "{:?}", daemon.log());

    std::fs::write(&company.config, at(&second)).unwrap();
    reload(&daemon);
    kafka.produce(&company.predictions, &by(2, two));
    let tipped = hour(3);
    let tipped: Vec<Rec> = tipped
        .iter()
        .map(|record| {
            avro_prediction(other, record, &|json| {
                [0.5f64.to_le_bytes().to_vec(), features(json)].concat()
            })
        })
        .collect();
    kafka.produce(&company.predictions, &tipped);
    read(&daemon, 240.0);

    // Removed while records wait for it: nobody is asked any more, and nothing is said of it.
    drop((first, second));
    kafka.produce(&company.predictions, &by(4, 4711));
    daemon.wait_until("records wait", LONG, || {
        let ready = daemon.get("/readyz")?.1;
        (ready.contains("\"registry\"")).then_some(())
    });
    std::fs::write(&company.config, avro(alone)).unwrap();
    reload(&daemon);
    kafka.produce(&company.predictions, &bare(by(5, 0)));
    read(&daemon, 360.0);
    daemon.wait_ready(LONG);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    // What waited was framed and is no bare record.
    assert_eq!(company.counted(), 5 * 60);
    let letters = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    assert_eq!(letters.lines().count(), 60, "{letters}");
}

#[test]
fn types_follow_from_a_registry_alone_and_stay_what_they_were() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "timeout = \"1s\"");
    let plain = std::fs::read_to_string(&company.config).unwrap().replace(
        "city = { path = \"features.city\", type = \"category\" }",
        "city = \"features.city\"",
    );
    std::fs::write(&company.config, &plain).unwrap();
    let run = |arguments: &[&str]| {
        let output = driftd(arguments, &company.folder, &company.env());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    // Nobody knows the subject, nobody answers: a sentence each, and no other type.
    let (code, said) = run(&["run"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("features city, fare") && said.contains("write type"), "{said}");
    let subject = format!("{}-value", company.predictions);
    let single = prediction(&format!(r#"{{"name":"fare","type":"float"}},{CITY}"#));
    registry.stop();
    let (code, said) = run(&["run"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be reached") && said.contains("features city, fare"), "{said}");
    registry.restart();
    let one = registry.register(&subject, "AVRO", &single);

    // Fares that f32 and f64 spell differently: 0.1, 1.1, ...
    let mut csv = String::from("request_id,at,version,demand,fare,city\n");
    for i in 0..5000 {
        csv.push_str(&format!("{i},{},v1,10,{}.1,Oslo\n", company.start - 86_400, i % 100));
    }
    std::fs::write(company.folder.join("reference.csv"), csv).unwrap();
    let build = ["reference", "build", "--model", "demand", "reference.csv", "-o", "demand.json"];
    // The reference at hand is of another type, and `check` says so.
    let (code, said) = run(&["check"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("features.fare is numeric (f64) there and numeric (f32) here"), "{said}");
    let (code, said) = run(&build);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["check"]);
    assert_eq!(code, Some(0), "{said}");

    let produce = |number: i64, double: bool, id: u32| {
        let (p, _) = company.hour(Hour { number, shift: 0.1, error: 0.0 }, 2);
        let record = |record: &Rec| {
            avro_prediction(id, record, &|json| {
                let fare = json["fare"].as_f64().unwrap();
                let fare = match double {
                    true => fare.to_le_bytes().to_vec(),
                    false => (fare as f32).to_le_bytes().to_vec(),
                };
                [fare, long(1), text(&json["city"])].concat()
            })
        };
        kafka.produce(&company.predictions, &p.iter().map(record).collect::<Vec<_>>());
    };
    (0..4).for_each(|number| produce(number, false, one));
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions], 2);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);

    // A wider latest schema changes nothing by itself, also where the registry is away later.
    let two = registry.register(&subject, "AVRO", &first_version());
    let (code, said) = run(&["check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("stays numeric (f32)"), "{said}");
    (4..8).for_each(|number| produce(number, true, two));
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions], 2);
    assert!(daemon.log().join("\n").contains("stays numeric (f32)"), "{:?}", daemon.log());
    daemon.kill9();
    registry.stop();
    (8..10).for_each(|number| produce(number, true, two));
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions], 2);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    let state = export(&company.state());
    let panes = state.iter().filter(|l| l["type"] == "pane" && l["segment"].is_null());
    let mut counted = 0;
    for code in panes.flat_map(|pane| pane["features"]["fare"]["codes"].as_array().unwrap()) {
        assert_eq!(code[0].as_u64().unwrap() % 2, 1, "{code} lies between two points");
        counted += code[1].as_u64().unwrap();
    }
    assert_eq!(counted, 10 * 60);
}

/// Certificates of an authority, a server and a client, and a server that asks for the client's.
struct Guarded {
    port: u16,
    process: std::process::Child,
}

impl Guarded {
    fn start(folder: &std::path::Path) -> Guarded {
        let port = crate::rig::free_port();
        let script = "set -e
            new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
            openssl req -x509 $new -keyout ca.key -out ca.pem -subj /CN=ca -days 30
            echo subjectAltName=DNS:localhost > names
            for who in server client; do
                openssl req $new -keyout $who.key -out $who.csr -subj /CN=$who
                openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
                    -days 30 -extfile names -out $who.crt
            done
            cat client.crt client.key > client.pem";
        let made = std::process::Command::new("sh")
            .args(["-c", script])
            .current_dir(folder)
            .output()
            .expect("sh can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let process = std::process::Command::new("openssl")
            .args(["s_server", "-quiet", "-HTTP", "-Verify", "1", "-verify_return_error"])
            .args(["-CAfile", "ca.pem", "-cert", "server.crt", "-key", "server.key"])
            .args(["-accept", &port.to_string()])
            .current_dir(folder)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("openssl can be started");
        crate::rig::wait_until("openssl listens", Duration::from_secs(30), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Guarded { port, process }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_registry_may_ask_for_our_certificate() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let guarded = Guarded::start(&company.folder);
    for (topic, schema) in
        [(&company.predictions, first_version()), (&company.outcomes, OUTCOME.to_owned())]
    {
        let place = company.folder.join(format!("subjects/{topic}-value/versions"));
        std::fs::create_dir_all(&place).unwrap();
        let body = serde_json::json!({ "schema": schema }).to_string();
        std::fs::write(place.join("latest"), format!("HTTP/1.0 200 OK\r\n\r\n{body}")).unwrap();
    }
    let url = format!("https://localhost:{}", guarded.port);
    speak_avro(&company, &url, "ca = \"ca.pem\"\ncertificate = \"file:client.pem\"");
    let check = || {
        let said = driftd(&["check"], &company.folder, &company.env());
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let said = check();
    assert!(!said.contains("registries.main") && !said.contains("schema of subject"), "{said}");
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text.replace("certificate = \"file:client.pem\"", "");
    std::fs::write(&company.config, text).unwrap();
    let said = check();
    assert!(said.contains("registries.main"), "{said}");
}

#[test]
fn records_of_a_registry_that_cannot_be_trusted_are_dead_letters_that_say_so() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let guarded = Guarded::start(&company.folder);
    let url = format!("https://localhost:{}", guarded.port);
    speak_avro(&company, &url, "patience = \"2s\"\ntimeout = \"1s\"");
    let told = std::fs::read_to_string(&company.config).unwrap().replace(
        "fare = \"features.fare\"",
        "fare = { path = \"features.fare\", dtype = \"f64\" }",
    );
    std::fs::write(&company.config, told).unwrap();
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    kafka.produce(&company.predictions, &batch(&company, 0, &[7]));
    daemon.wait_until("it is told", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("cannot be trusted") && body.contains("ca")).then_some(())
    });
    daemon.wait_caught_up(&[&company.predictions], 2);
    let metrics = daemon.get("/metrics").unwrap().1;
    assert!(metrics.contains("result=\"registry_tls\""), "{metrics}");
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    let letters = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    let reasons = letters.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(reasons.filter(|line| line["reason"] == "registry_tls").count() as i64, BATCH);
}
