//! How soon a change is seen at equal rates of false alarms: the e-detector beside a sliding
//! Kolmogorov-Smirnov test, ADWIN and Page-Hinkley.
//!
//!     cargo run --release --no-default-features --example delay
//!
//! writes `docs/delay.md` and `docs/delay.svg`, and prints the table. Takes some minutes. Everything
//! is simulated from fixed seeds.

mod calibrate;
mod contender;
mod page;
mod plot;
mod scene;

use std::path::Path;

use calibrate::{Calibrated, calibrate};
use contender::{KINDS, Kind};
use scene::{Law, Reference, SCENES, Scene};

/// Events of a pane, which is an hour long.
const EVENTS: usize = 200;
/// Rows of each run's own reference.
const ROWS: usize = 10_000;
/// Hours before the change.
const CALM: usize = 300;
/// A change that is not seen after so many hours counts as not seen.
const MOST: usize = 500;
/// Runs per scene; their median is told.
const RUNS: u64 = 31;

/// A pane of events.
fn pane(law: &mut Law, scene: &Scene, changed: bool) -> Vec<f64> {
    (0..EVENTS).map(|_| law.draw(scene, changed)).collect()
}

/// Median hours until the change is seen; `None` where most runs do not see it.
fn delay(scene: &Scene, kind: &Kind, threshold: f64) -> Option<usize> {
    let mut delays = Vec::new();
    let mut seed = 1_000_000;
    while delays.len() < RUNS as usize {
        seed += 1;
        let mut law = Law::new(seed);
        let reference = Reference::of(scene, &mut law);
        let mut contender = (kind.build)(&reference, threshold);
        // A run that alarms before the change tells nothing about it.
        if (0..CALM).any(|_| contender.alarms(&pane(&mut law, scene, false))) {
            continue;
        }
        let seen = (1..=MOST).find(|_| contender.alarms(&pane(&mut law, scene, true)));
        delays.push(seen.unwrap_or(usize::MAX));
    }
    delays.sort_unstable();
    Some(delays[delays.len() / 2]).filter(|hours| *hours <= MOST)
}

/// One contender on every scene.
fn row(kind: &Kind) -> (Vec<Calibrated>, Vec<Option<usize>>) {
    let numbers = calibrate(kind, &SCENES[0]);
    let names = calibrate(kind, SCENES.last().expect("there are scenes"));
    let of = |scene: &Scene| if scene.is_of_names() { &names } else { &numbers };
    let delays = SCENES.iter().map(|scene| delay(scene, kind, of(scene).threshold)).collect();
    (vec![numbers, names], delays)
}

fn main() -> std::io::Result<()> {
    let rows: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = KINDS.iter().map(|kind| scope.spawn(move || row(kind))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no contender panics")).collect()
    });
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = page::page(&rows);
    println!("{page}");
    std::fs::write(docs.join("delay.md"), page)?;
    std::fs::write(docs.join("delay.svg"), plot::plot(&rows))
}
