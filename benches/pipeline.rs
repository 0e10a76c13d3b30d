//! What driftd costs beside the cheapest consumer there is: `cargo bench --bench pipeline`.
//!
//! Starts real Kafka as the tests do, fills a topic per shape of event, then lets a bare poll loop
//! and `driftd run` read it in turn, each as a process of its own with nothing kept from the round
//! before. Prints CPU seconds (user and system, all threads, from start to exit) per million
//! events, medians, and their ratio. Nothing is subtracted. docs/performance.md tells more.
//!
//! Options after `--`: `--events N`, `--rounds N`, `--partitions N`, `--shape 5|30`.

#[path = "pipeline/demand.rs"]
mod demand;
#[path = "pipeline/poll.rs"]
mod poll;
#[path = "../tests/it/rig/mod.rs"]
mod rig;
#[path = "pipeline/rounds.rs"]
mod rounds;

use demand::{Shape, Topic};
use rig::kafka::Kafka;
use rounds::{Rounds, cpu_of_children};

/// A ratio, and what it may be at most.
const SHAPES: [(Shape, f64); 2] = [(Shape { features: 5 }, 3.0), (Shape { features: 30 }, 5.0)];

struct Options {
    events: u64,
    rounds: usize,
    partitions: i32,
    shape: Option<u64>,
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
    let mut measured = Vec::new();
    for (shape, most) in SHAPES {
        if options.shape.is_none_or(|features| features == shape.features as u64) {
            eprintln!("producing {} events with {} features", options.events, shape.features);
            let topic = Topic::fill(&kafka, shape, options.events, options.partitions);
            measured.push((topic, most, Rounds::default(), Rounds::default()));
        }
    }
    for round in 1..=options.rounds {
        for (topic, _, bare, driftd) in &mut measured {
            bare.add(cpu_of_children(|| poll::spawn(kafka.brokers(), topic)));
            driftd.add(topic.read_by_driftd(&kafka));
            eprintln!(
                "round {round}, {} features: poll {:.2} s, driftd {:.2} s",
                topic.shape.features,
                bare.latest(),
                driftd.latest()
            );
        }
    }
    println!("CPU seconds per million events, median of {} rounds (least to most)", options.rounds);
    println!(
        "{:12} {:>6}  {:20} {:20} {:>6} {:>5}",
        "", "bytes", "poll", "driftd", "ratio", "most"
    );
    for (topic, most, bare, driftd) in &measured {
        let (bare, driftd) = (bare.per_million(topic.events), driftd.per_million(topic.events));
        println!(
            "{:12} {:>6}  {:20} {:20} {:>6.2} {:>5.2}",
            format!("{} features", topic.shape.features),
            topic.bytes,
            bare.to_string(),
            driftd.to_string(),
            driftd.median / bare.median,
            most,
        );
    }
}

fn options(arguments: &[String]) -> Options {
    let value = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
    };
    Options {
        events: value("--events", 2_000_000),
        rounds: value("--rounds", 5) as usize,
        partitions: value("--partitions", 4) as i32,
        shape: Some(value("--shape", 0)).filter(|features| *features > 0),
    }
}
