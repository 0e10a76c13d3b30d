//! What driftd costs beside the cheapest consumer there is: `cargo bench --bench pipeline`.
//!
//! Starts real Kafka as the tests do, fills a topic per shape of event, then lets a bare poll loop
//! and `driftd run` read it in turn, each as a process of its own with nothing kept from the round
//! before. Prints CPU seconds (user and system, all threads, from start to exit) per million
//! events, medians, and their ratio. Nothing is subtracted. docs/performance.md tells more.
//!
//! With `--windows` it compares driftd with itself instead: one topic over eight days of event time,
//! judged by windows of an hour, a day and a week every five minutes. The cost per event must not
//! grow with the window. With `--formats` it compares Avro with JSON: events of 25 features, of
//! which 5 or 20 are watched. With `--join` it compares counting with joining: the same events
//! without and with their outcomes, all on the durable store; with `--pending` it measures how long
//! a killed daemon with so many waiting predictions takes to be ready again.
//!
//! Further options after `--`: `--events N`, `--rounds N`, `--partitions N`, `--shape 5|30`.

#[path = "pipeline/demand.rs"]
mod demand;
#[path = "pipeline/poll.rs"]
mod poll;
#[path = "../tests/it/rig/mod.rs"]
mod rig;
#[path = "pipeline/rounds.rs"]
mod rounds;

use demand::{HOUR, Shape, Topic, Work};
use driftd::event::Span;
use rig::kafka::Kafka;
use rounds::{Rounds, cpu_of_children};

/// A ratio, and what it may be at most.
const SHAPES: [(Shape, f64); 2] = [
    (Shape { fields: 5, features: 5, avro: false }, 3.0),
    (Shape { fields: 30, features: 30, avro: false }, 5.0),
];
/// The same events in both formats.
const FORMATS: [(Shape, f64); 4] = [
    (Shape { fields: 25, features: 5, avro: false }, 5.0),
    (Shape { fields: 25, features: 5, avro: true }, 2.0),
    (Shape { fields: 25, features: 20, avro: false }, 5.0),
    (Shape { fields: 25, features: 20, avro: true }, 5.0),
];

/// Windows whose costs are compared, the first with the others; the longest ends up full.
const WINDOWS: [&str; 3] = [HOUR, "1d", "7d"];
const DAY: Span = Span::from_secs(86_400);
const TWO_HOURS: Span = Span::from_secs(2 * 3_600);
/// What joins are measured with.
const SMALL: Shape = Shape { fields: 5, features: 5, avro: false };
/// Joins per second and core, at least.
const JOINS: u64 = 50_000;
/// A longer window may cost so many times as much as the first, at most.
const FLAT: f64 = 1.10;

struct Options {
    windows: bool,
    events: u64,
    rounds: usize,
    partitions: Option<i32>,
    shape: Option<u64>,
    formats: bool,
    join: bool,
    pending: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, brokers, topic, events] = arguments.as_slice()
        && mode == poll::MODE
    {
        poll::run(brokers, topic, events.parse().expect("a number of events"));
        return;
    }
    let options = options(&arguments);
    let kafka = Kafka::shared();
    match &options {
        Options { windows: true, .. } => windows(&kafka, &options),
        Options { join: true, .. } => join(&kafka, &options),
        Options { pending: true, .. } => restart(&kafka, &options),
        _ => shapes(&kafka, &options),
    }
}

/// driftd beside the poll loop, for each shape of event.
fn shapes(kafka: &Kafka, options: &Options) {
    let mut measured = Vec::new();
    let shapes = if options.formats { &FORMATS[..] } else { &SHAPES[..] };
    for &(shape, most) in shapes {
        if options.shape.is_none_or(|features| features == shape.features as u64) {
            let partitions = options.partitions.unwrap_or(4);
            let topic = fill(kafka, shape, options, partitions, TWO_HOURS, false);
            measured.push((topic, most, Rounds::default(), Rounds::default()));
        }
    }
    for round in 1..=options.rounds {
        for (topic, _, bare, driftd) in &mut measured {
            bare.add(cpu_of_children(|| poll::spawn(kafka.brokers(), topic)));
            driftd.add(topic.read_by_driftd(kafka, HOUR, Work::Count));
            eprintln!(
                "round {round}, {}: poll {:.2} s, driftd {:.2} s",
                topic.shape,
                bare.latest(),
                driftd.latest()
            );
        }
    }
    headline(options);
    println!(
        "{:22} {:>6}  {:20} {:20} {:>6} {:>5}",
        "", "bytes", "poll", "driftd", "ratio", "most"
    );
    for (topic, most, bare, driftd) in &measured {
        let (bare, driftd) = (bare.per_million(topic.events), driftd.per_million(topic.events));
        println!(
            "{:22} {:>6}  {:20} {:20} {:>6.2} {:>5.2}",
            topic.shape.to_string(),
            topic.bytes,
            bare.to_string(),
            driftd.to_string(),
            driftd.median / bare.median,
            most,
        );
    }
}

/// driftd beside itself, for each window. One partition: none has to wait for another, however fast
/// event time passes.
fn windows(kafka: &Kafka, options: &Options) {
    let features = options.shape.unwrap_or(5) as usize;
    let shape = Shape { fields: features, features, avro: false };
    let partitions = options.partitions.unwrap_or(1);
    let topic = fill(kafka, shape, options, partitions, Span(8 * DAY.0), false);
    let mut measured = WINDOWS.map(|window| (window, Rounds::default()));
    for round in 1..=options.rounds {
        for (window, driftd) in &mut measured {
            driftd.add(topic.read_by_driftd(kafka, window, Work::Count));
            eprintln!("round {round}, window of {window}: {:.2} s", driftd.latest());
        }
    }
    headline(options);
    println!("{:12} {:20} {:>6} {:>5}", "", "driftd", "ratio", "most");
    let first = measured[0].1.per_million(topic.events).median;
    for (window, driftd) in &measured {
        let driftd = driftd.per_million(topic.events);
        let (name, ratio) = (format!("window {window}"), driftd.median / first);
        println!("{name:12} {:20} {ratio:>6.2} {FLAT:>5.2}", driftd.to_string());
    }
}

/// driftd beside itself, without and with outcomes.
fn join(kafka: &Kafka, options: &Options) {
    let topic = fill(kafka, SMALL, options, options.partitions.unwrap_or(4), TWO_HOURS, true);
    let (mut counting, mut joining) = (Rounds::default(), Rounds::default());
    for round in 1..=options.rounds {
        counting.add(topic.read_by_driftd(kafka, HOUR, Work::Count));
        joining.add(topic.read_by_driftd(kafka, HOUR, Work::Join));
        let (counting, joining) = (counting.latest(), joining.latest());
        eprintln!("round {round}: counting {counting:.2} s, joining {joining:.2} s");
    }
    headline(options);
    let (counting, joining) =
        (counting.per_million(topic.events), joining.per_million(topic.events));
    println!(
        "counting {counting}, joining {joining}, ratio {:.2}",
        joining.median / counting.median
    );
    println!("{:.0} joins per second and core, at least {JOINS}", 1e6 / joining.median);
}

/// Time from kill -9 to ready.
fn restart(kafka: &Kafka, options: &Options) {
    let topic = fill(kafka, SMALL, options, options.partitions.unwrap_or(4), TWO_HOURS, false);
    for round in 1..=options.rounds {
        let (took, pending) = topic.restart(kafka);
        println!("round {round}: ready after {took:.1?} with {pending} predictions waiting");
    }
}

fn fill(
    kafka: &Kafka,
    shape: Shape,
    options: &Options,
    partitions: i32,
    span: Span,
    answered: bool,
) -> Topic {
    eprintln!("producing {} events: {shape}", options.events);
    Topic::fill(kafka, shape, options.events, partitions, span, answered)
}

fn headline(options: &Options) {
    println!("CPU seconds per million events, median of {} rounds (least to most)", options.rounds);
}

fn options(arguments: &[String]) -> Options {
    let value = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
    };
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    Options {
        windows: given("--windows"),
        events: value("--events", 2_000_000),
        rounds: value("--rounds", 5) as usize,
        partitions: Some(value("--partitions", 0) as i32).filter(|count| *count > 0),
        shape: Some(value("--shape", 0)).filter(|features| *features > 0),
        formats: given("--formats"),
        join: given("--join"),
        pending: given("--pending"),
    }
}
