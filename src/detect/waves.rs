//! How much more stretches of many steps differ than their steps do.

use serde::{Deserialize, Serialize};

use super::dispersion::{Dispersion, Hour};

/// Lengths that are looked at: of 2, 4, 8 ... 256 steps.
const LENGTHS: usize = 8;
/// Bytes of all lengths for a bin, at most: counts take ten, other numbers eight, and each length
/// keeps five of them.
pub(super) const BYTES_PER_BIN: u64 = 44 * LENGTHS as u64;
/// Stretches of a length that were compared before it is believed.
const LEAST: u32 = 3;

/// Overdispersion at growing lengths of time: each length's stretches are two of the length below,
/// one after the other; steps that are left out are passed over.
///
/// Steps that move together (a day whose weather empties the airport, a week with a fair in town)
/// are no more different from each other than others, and their sums are: the counts of m steps then
/// vary by more than m times what those of one do. Bets that divide by the greatest overdispersion
/// of all lengths are right for sums of steps, as the evidence is (as batch means are for
/// correlated series; Rao & Scott, JASA 76, 1981, for counts). As two halves that move as one have
/// twice their overdispersion, and none can have more, no length counts for more than twice the one
/// below: what lasts, and is a change, is not taken for a wave at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Waves {
    /// Overdispersion of each length that is known.
    found: Vec<f64>,
    shortest: Halves,
}

/// Stretches of one length, as they come in halves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Halves {
    /// The half that came, where the other has not yet.
    half: Option<Stretch>,
    /// What is known of their [`Length`], packed, since only every second half is of concern to it.
    #[serde(with = "serde_bytes")]
    length: Vec<u8>,
}

/// All stretches of one length.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Length {
    dispersion: Dispersion,
    longer: Halves,
}

/// Some steps, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stretch {
    counts: Vec<u64>,
    /// What their hours let expect, in a season.
    expected: Vec<f64>,
    /// n^2 over the rows that it is of: the variance that the reference adds to that of n events, as
    /// if no hour came twice in a stretch.
    unsure: f64,
}

impl Stretch {
    fn of(counts: &[u64], hour: Option<&Hour<'_>>) -> Stretch {
        let n = counts.iter().sum::<u64>() as f64;
        let Some(hour) = hour else {
            return Stretch { counts: counts.to_vec(), expected: Vec::new(), unsure: 0.0 };
        };
        Stretch {
            counts: counts.to_vec(),
            expected: hour.shares.iter().map(|p| n * p).collect(),
            unsure: n * n / hour.rows.max(1.0),
        }
    }

    fn join(&mut self, other: &Stretch) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(n, m)| *n += m);
        self.expected.iter_mut().zip(&other.expected).for_each(|(n, m)| *n += m);
        self.unsure += other.unsure;
    }

    fn take_into(&self, dispersion: &mut Dispersion) {
        let n = self.counts.iter().sum::<u64>() as f64;
        if self.expected.is_empty() {
            dispersion.take(&self.counts, None);
            return;
        }
        let shares: Vec<f64> = self.expected.iter().map(|expected| expected / n).collect();
        let hour = Hour { shares: &shares, rows: n * n / self.unsure.max(f64::MIN_POSITIVE) };
        dispersion.take(&self.counts, Some(&hour));
    }
}

impl Waves {
    /// Takes a step in.
    pub(super) fn take(&mut self, counts: &[u64], hour: Option<&Hour<'_>>) {
        if counts.iter().all(|n| *n == 0) {
            return;
        }
        self.shortest.take(Stretch::of(counts, hour), &mut self.found, 0);
    }

    /// The greatest overdispersion of all lengths, where that of single steps is known.
    pub(super) fn greatest(&self, step: f64) -> f64 {
        let (mut greatest, mut below) = (step, step);
        for found in &self.found {
            below = found.min(2.0 * below);
            greatest = greatest.max(below);
        }
        greatest
    }
}

impl Halves {
    /// Takes a half in, and gives what becomes whole to the next length.
    fn take(&mut self, stretch: Stretch, found: &mut Vec<f64>, place: usize) {
        let half = self.half.take();
        let Some(mut whole) = half.filter(|half| half.counts.len() == stretch.counts.len()) else {
            self.half = Some(stretch);
            return;
        };
        whole.join(&stretch);
        let mut length: Length = postcard::from_bytes(&self.length).unwrap_or_default();
        whole.take_into(&mut length.dispersion);
        if let Some(known) = length.dispersion.so_far(LEAST) {
            // The shorter ones were known before.
            match found.get_mut(place) {
                Some(found) => *found = known,
                None => found.push(known),
            }
        }
        if place + 1 < LENGTHS {
            length.longer.take(whole, found, place + 1);
        }
        // Only a type without a binary form fails here; it would be forgotten, not misread.
        let mut bytes = std::mem::take(&mut self.length);
        bytes.clear();
        self.length = postcard::to_extend(&length, bytes).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::calibration;
    use crate::detect::tests::random::Random;

    #[test]
    fn it_is_the_rule_spelt_out_over_scipys_chi_square() {
        let golden = &calibration()["waves"];
        let steps: Vec<Vec<u64>> = serde_json::from_value(golden["steps"].clone()).unwrap();
        for (key, step) in [("1.0", 1.0), ("50.0", 50.0)] {
            let mut waves = Waves::default();
            for (counts, want) in steps.iter().zip(golden["greatest"][key].as_array().unwrap()) {
                waves.take(counts, None);
                let (got, want) = (waves.greatest(step), want.as_f64().unwrap());
                assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
            }
        }
    }

    /// A rhythm of the hours is none; days that lie a little above or below theirs are one.
    #[test]
    fn in_a_season_only_what_moves_whole_days_is_a_wave() {
        let hours = [[0.8, 0.2], [0.3, 0.7]];
        let greatest = |more: u64| {
            let mut waves = Waves::default();
            for step in 0..1600 {
                let day = if step / 16 % 2 == 0 { more } else { 0 };
                let first = 800 - 500 * (step % 2) as u64 + day;
                let hour = Hour { shares: &hours[step % 2], rows: 1e9 };
                waves.take(&[first, 1000 - first], Some(&hour));
            }
            waves.greatest(1.0)
        };
        assert!(greatest(0) < 1.1, "{}", greatest(0));
        let found = greatest(60);
        assert!((8.0..=16.0).contains(&found), "{found}");
    }

    /// Hours whose reference is a sample no larger than a step differ from it by chance alone.
    #[test]
    fn what_the_reference_does_not_know_is_no_wave() {
        let mut random = Random(11);
        let mut sample = || (0..1000).filter(|_| random.unit() < 0.3).count() as u64;
        let hours: Vec<[f64; 2]> = (0..168)
            .map(|_| {
                let first = sample() as f64 / 1000.0;
                [first, 1.0 - first]
            })
            .collect();
        let mut waves = Waves::default();
        for step in 0..672 {
            let first = sample();
            let hour = Hour { shares: &hours[step % 168], rows: 1000.0 };
            waves.take(&[first, 1000 - first], Some(&hour));
        }
        assert!(waves.greatest(1.0) < 1.5, "{}", waves.greatest(1.0));
    }

    #[test]
    fn lengths_are_bounded_and_empty_steps_are_none() {
        let mut waves = Waves::default();
        (0..10_000).for_each(|i| waves.take(&[100 + i % 7, 100], None));
        assert_eq!(waves.found.len(), LENGTHS);
        let before = waves.clone();
        (0..100).for_each(|_| waves.take(&[0, 0], None));
        assert_eq!(waves, before);
    }
}
