//! What changes: laws before and after, and references drawn from the law before.

use driftd::stats::{Absences, CategoryProfile, Counts, Dtype, NumericProfile, Profile};

use crate::ROWS;

/// Cells of a number's grid, from -4 to 4 standard deviations.
const CELLS: usize = 480;
/// Names of a category; the k-th has a share that falls as 1 / k.
const NAMES: usize = 10;

/// A change.
pub enum Change {
    /// A standard normal series moves up by this.
    Shift(f64),
    /// It spreads by this factor.
    Spread(f64),
    /// This share of all events moves from the most frequent name to the seventh.
    Names(f64),
}

/// A change and what it is called, in two lines.
pub struct Scene {
    pub name: (&'static str, &'static str),
    pub change: Change,
}

/// The scenes of the page; the first and the last are what numbers and names are calibrated on.
pub const SCENES: [Scene; 7] = [
    Scene { name: ("+0.05 sd", ""), change: Change::Shift(0.05) },
    Scene { name: ("+0.1 sd", ""), change: Change::Shift(0.1) },
    Scene { name: ("+0.2 sd", ""), change: Change::Shift(0.2) },
    Scene { name: ("+0.3 sd", ""), change: Change::Shift(0.3) },
    Scene { name: ("+0.5 sd", ""), change: Change::Shift(0.5) },
    Scene { name: ("spread", "x 1.25"), change: Change::Spread(1.25) },
    Scene { name: ("a category", "doubles"), change: Change::Names(0.049) },
];

impl Scene {
    pub fn is_of_names(&self) -> bool {
        matches!(self.change, Change::Names(_))
    }
}

#[path = "../../tests/simulated/random.rs"]
mod random;
use random::Random;

/// What events are drawn by.
pub struct Law(Random);

impl Law {
    pub fn new(seed: u64) -> Law {
        Law(Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d)))
    }

    fn name(&mut self, moved: f64) -> f64 {
        let total: f64 = (1..=NAMES).map(|k| 1.0 / k as f64).sum();
        let mut left = self.0.unit();
        for k in 0..NAMES {
            let more = match k {
                0 => -moved,
                6 => moved,
                _ => 0.0,
            };
            left -= 1.0 / (k + 1) as f64 / total + more;
            if left < 0.0 {
                return k as f64;
            }
        }
        (NAMES - 1) as f64
    }

    /// A number, or the place of a name in the order of frequency.
    pub fn draw(&mut self, scene: &Scene, changed: bool) -> f64 {
        match scene.change {
            Change::Shift(by) => self.0.normal() + if changed { by } else { 0.0 },
            Change::Spread(by) => self.0.normal() * if changed { by } else { 1.0 },
            Change::Names(share) => self.name(if changed { share } else { 0.0 }),
        }
    }
}

/// A sample of the law before, as driftd freezes it.
#[derive(Clone)]
pub struct Reference {
    /// Of numbers, or of names.
    pub profile: Profile,
    /// The same with names as numbers.
    pub ordered: Profile,
    pub mean: f64,
    pub deviation: f64,
    names: bool,
}

impl Reference {
    pub fn of(scene: &Scene, law: &mut Law) -> Reference {
        let names = scene.is_of_names();
        let values: Vec<f64> = (0..ROWS).map(|_| law.draw(scene, false)).collect();
        let mean = values.iter().sum::<f64>() / ROWS as f64;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let mut per_cell = vec![0u64; if names { NAMES } else { CELLS }];
        values.iter().for_each(|value| per_cell[cell(*value, names)] += 1);
        let ordered = numeric(&per_cell);
        let profile = if names { category(&per_cell) } else { ordered.clone() };
        Reference { profile, ordered, mean, deviation: (squares / ROWS as f64).sqrt(), names }
    }

    /// Counts of a pane on a profile of this reference.
    pub fn count(&self, profile: &Profile, values: &[f64]) -> Counts {
        let mut counts = Counts::new(profile.cells());
        let is_category = matches!(profile, Profile::Category(_));
        for value in values {
            let cell = cell(*value, self.names);
            counts.cells[if is_category { cell } else { 2 * cell + 1 }] += 1;
        }
        counts.counted = values.len() as u64;
        counts
    }
}

fn cell(value: f64, names: bool) -> usize {
    if names {
        return value as usize;
    }
    ((value + 4.0) / 8.0 * CELLS as f64).clamp(0.0, (CELLS - 1) as f64) as usize
}

fn numeric(per_cell: &[u64]) -> Profile {
    let (mut at_or_below, mut below, mut total) = (Vec::new(), Vec::new(), 0);
    for n in per_cell {
        below.push(total);
        total += n;
        at_or_below.push(total);
    }
    Profile::Numeric(NumericProfile {
        id: String::new(),
        dtype: Dtype::F64,
        rows: total,
        absences: Absences::default(),
        grid: (0..per_cell.len()).map(|cell| cell as f64).collect(),
        at_or_below,
        below,
    })
}

fn category(per_cell: &[u64]) -> Profile {
    Profile::Category(CategoryProfile {
        id: String::new(),
        rows: per_cell.iter().sum(),
        absences: Absences::default(),
        categories: per_cell.iter().enumerate().map(|(k, n)| (format!("name {k}"), *n)).collect(),
    })
}
