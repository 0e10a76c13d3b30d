//! Clients that hold connections and never finish: neither the records nor other clients wait.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::company::{Company, Hour};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::Kafka;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);

/// Connections of the crowd, as far as this process may open so many.
const CROWD: usize = 10_000;

/// Opens connections of four kinds, and feeds those that drip until told to stop; how many it had.
fn crowd(port: u16, stop: &AtomicBool) -> usize {
    let mut dripping = Vec::new();
    let mut holding = Vec::new();
    for n in 0..CROWD {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { break };
        // Says nothing; sends its head, or its body, drop by drop; never reads its answer.
        let begun = match n % 4 {
            0 => "",
            1 => "GET / HTTP/1.1\r\n",
            2 => "POST /api/v1/runs/run-1 HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n",
            _ => "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n",
        };
        let _ = stream.write_all(begun.as_bytes());
        if n % 4 == 1 { dripping.push(stream) } else { holding.push(stream) }
    }
    let all = dripping.len() + holding.len();
    while !stop.load(Ordering::Relaxed) {
        for stream in &mut dripping {
            let _ = stream.write_all(b"x: 1\r\n");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    all
}

#[test]
fn a_crowd_of_slow_clients_hurts_neither_records_nor_other_clients() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 1);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    let stop = Arc::new(AtomicBool::new(false));
    let (port, stopping) = (company.port, stop.clone());
    let crowding = std::thread::spawn(move || crowd(port, &stopping));
    std::thread::sleep(Duration::from_secs(2));
    for number in 0..6 {
        let (predictions, _) = company.hour(Hour { number, shift: 0.0, error: 0.0 }, 1);
        kafka.produce(&company.predictions, &predictions);
    }
    let end = kafka.end(&company.predictions, 0);
    daemon.wait_until("all is read in spite of the crowd", LONG, || {
        let read = kafka.committed(&company.group, &company.predictions, 0);
        (read == Some(end)).then_some(())
    });
    let begun = Instant::now();
    daemon.wait_until("somebody who asks is answered", LONG, || daemon.get("/metrics"));
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    stop.store(true, Ordering::Relaxed);
    let had = crowding.join().unwrap();
    assert!(had > 500, "{had} connections are no crowd; allow more open files");
}

#[test]
fn a_body_that_never_ends_is_told_so_and_not_waited_for() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 1);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("the API answers", LONG, || daemon.get("/healthz"));
    let mut stream = TcpStream::connect(("127.0.0.1", company.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let head = "POST /api/v1/runs/run-1 HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(begun.elapsed() < Duration::from_secs(45), "nobody answers");
        let _ = stream.write_all(b"{");
        let mut piece = [0; 1024];
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&piece[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}
