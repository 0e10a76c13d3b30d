//! Rides of a made-up city: zones, a daily rush hour, a festival.

use std::path::Path;

use serde_json::json;

use crate::event::{Batch, Numbers, Span, Time, Values, Words};
use crate::reference::{BuildSpec, Builder, CreatedFrom};
use crate::stats::{Dtype, SeriesKind, Task};

/// An hour in microseconds.
pub(super) const HOUR: i64 = 3_600_000_000;
/// Outcomes come this much later than their predictions.
const DELAY: i64 = 12;
const ZONES: [&str; 4] = ["airport", "harbour", "old-town", "station"];

/// One ride's prediction and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Ride {
    pub id: i64,
    pub at: Time,
    version: &'static str,
    zone: &'static str,
    riders: f64,
    distance: f64,
    said: f64,
    was: f64,
}

impl Ride {
    pub(super) fn prediction(&self) -> String {
        json!({
            "ride": format!("r{}", self.id),
            "at": self.at,
            "model": { "version": self.version },
            "features": {
                "zone": self.zone,
                "riders_nearby": self.riders,
                "distance_km": self.distance,
            },
            "output": { "demand": self.said },
        })
        .to_string()
    }

    pub(super) fn outcome(&self) -> String {
        let at = self.known_at();
        json!({ "ride": format!("r{}", self.id), "at": at, "actual": self.was }).to_string()
    }

    /// When its outcome becomes known.
    pub(super) fn known_at(&self) -> Time {
        self.at + Span(DELAY * HOUR)
    }
}

/// The city.
#[derive(Debug, Clone)]
pub(super) struct City {
    start: Time,
    festival: i64,
}

impl City {
    pub(super) fn new(start: Time, festival: i64) -> City {
        City { start, festival }
    }

    /// Rides of one hour; `new`: predicted by the retrained model.
    pub(super) fn rides(&self, hour: i64, new: bool) -> Vec<Ride> {
        let of_day = (self.start.0 / HOUR + hour).rem_euclid(24);
        // Twice as many rides at eight in the morning and five in the afternoon.
        let rush = matches!(of_day, 7..=9 | 16..=18);
        let rides = if rush { 160 } else { 80 };
        (0..rides).map(|i| self.ride(hour, i, rides, rush, new)).collect()
    }

    /// Rides whose outcome becomes known in this hour.
    pub(super) fn outcomes_of(&self, hour: i64) -> Vec<Ride> {
        if hour < DELAY { Vec::new() } else { self.rides(hour - DELAY, false) }
    }

    /// Three days to build a reference from; the new one knows the festival.
    pub(super) fn training(&self, festival: bool) -> Vec<Ride> {
        let from = if festival { self.festival } else { -72 };
        (from..from + 72).flat_map(|hour| self.rides(hour, festival)).collect()
    }

    fn ride(&self, hour: i64, i: i64, rides: i64, rush: bool, new: bool) -> Ride {
        let id = (hour + 1000) * 1000 + i;
        let noise = |salt: i64| unit(id * 7 + salt) + unit(id * 13 + salt + 1) - 1.0;
        let zone = ZONES[(i % 4) as usize];
        let festival = hour >= self.festival && zone == "old-town";
        let base = if rush { 40.0 } else { 20.0 };
        let riders = base * if festival { 2.5 } else { 1.0 } + 8.0 * noise(1);
        let was = riders * 0.5 * if festival { 1.6 } else { 1.0 } + 2.0 * noise(2);
        // The old model does not know that a festival makes people ride more.
        let said = riders * 0.5 * if festival && new { 1.6 } else { 1.0 } + 2.0 * noise(3);
        Ride {
            id,
            at: self.start + Span(hour * HOUR + i * HOUR / rides),
            version: if new { "v13" } else { "v12" },
            zone,
            riders,
            distance: 3.0 + 2.0 * noise(4).abs(),
            said,
            was,
        }
    }
}

/// A fixed pseudo-random number in [0, 1): the story is the same every time.
fn unit(seed: i64) -> f64 {
    let mut x = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 29;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// Builds the reference of a version, as `driftd reference build` does.
pub(super) fn write_reference(folder: &Path, version: &str, rides: &[Ride]) -> anyhow::Result<()> {
    let number = SeriesKind::Numeric(Dtype::F64);
    let mut builder = Builder::new(BuildSpec {
        model: "demand".into(),
        features: vec![
            ("distance_km".into(), number),
            ("riders_nearby".into(), number),
            ("zone".into(), SeriesKind::Category),
        ],
        prediction: Some(number),
        outcome: Some(number),
        task: Some(Task::Regression),
        dimensions: vec![vec!["zone".into()]],
        segment_series: ["features.riders_nearby".into(), "features.distance_km".into()].into(),
        most_categories: 1000,
        ..BuildSpec::default()
    });
    let mut batch = Batch { words: vec![Words::default()], ..Batch::default() };
    let (mut distance, mut riders) = (Numbers::default(), Numbers::default());
    let (mut said, mut was) = (Numbers::default(), Numbers::default());
    for ride in rides {
        batch.offsets.push(ride.id);
        batch.times.push(ride.at);
        batch.words[0].push(ride.zone);
        distance.push(ride.distance);
        riders.push(ride.riders);
        said.push(ride.said);
        was.push(ride.was);
    }
    batch.numbers = vec![distance, riders];
    batch.prediction = Some(Values::Numbers(said));
    batch.outcome = Some(Values::Numbers(was));
    builder.observe(&batch)?;
    let created_from = CreatedFrom { rows: rides.len() as u64, ..CreatedFrom::default() };
    let path = folder.join(format!("demand-{version}.json"));
    std::fs::write(path, builder.finish(created_from).to_json())?;
    Ok(())
}
