//! One promise for a whole list of series: e-d-BH.
//!
//! With evidence M of each of J series and a level A, the j strongest are named for the largest j
//! whose j-th strongest has M >= A J / j. Named ones have a mean evidence over all J of at least A
//! between them, and the mean of e-detectors is one: on average the first false alarm of the whole
//! list comes after A steps at the earliest, whatever the dependence between series. One series
//! alone needs J times the evidence, a change in all of them no more than a single one would.
//! Source: Dandapanthula & Ramdas, Multiple testing in multi-stream sequential change detection
//! (2025); Wang & Ramdas, False discovery rate control with e-values, JRSS B 84 (2022).

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::evidence::{Evidence, Levels};
use super::{Memory, Reading, Severity};

/// One series and segment of a list, just read.
#[derive(Debug)]
pub struct Member<'a> {
    /// What its detector keeps.
    pub memory: &'a mut Memory,
    /// What it says; the list says whether it is beyond a level.
    pub reading: &'a mut Reading,
}

/// A detector's state that holds its evidence.
pub(super) trait Holds: Default + Serialize + DeserializeOwned {
    fn evidence(&mut self) -> &mut Evidence;
}

/// Names the members of a list of `of` series and segments whose promise is one.
pub(super) fn name<S: Holds>(
    owner: &str,
    layout: u8,
    members: &mut [Member<'_>],
    of: usize,
    levels: Levels,
) {
    let of = of.max(members.len());
    let recall = |member: &Member<'_>| member.memory.recall::<S>(owner, layout);
    let mut states: Vec<S> = members.iter().map(recall).collect();
    let stands: Vec<f64> = states.iter_mut().map(|state| state.evidence().ln_mean()).collect();
    let critical = least_named(&stands, of, levels.critical);
    let warning = levels.warning.map(|level| least_named(&stands, of, level));
    for ((member, state), now) in members.iter_mut().zip(&mut states).zip(stands) {
        let beyond = if now >= critical {
            Some(Severity::Critical)
        } else if warning.is_some_and(|warning| now >= warning) {
            Some(Severity::Warning)
        } else {
            None
        };
        let evidence = state.evidence();
        let is_news = if beyond.is_some() {
            *member.reading = Reading { beyond, uncleared: true };
            evidence.fire()
        } else {
            !member.reading.uncleared && evidence.begin_anew()
        };
        if is_news {
            member.memory.keep(owner, layout, state);
        }
    }
}

/// ln of the least evidence that is named; infinite where none is.
fn least_named(evidences: &[f64], of: usize, level: f64) -> f64 {
    let mut strongest = evidences.to_vec();
    strongest.sort_by(|a, b| b.total_cmp(a));
    let needed = |named: usize| (level * of as f64 / named as f64).ln();
    let named = (1..=strongest.len()).rev().find(|&named| strongest[named - 1] >= needed(named));
    named.map_or(f64::INFINITY, needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_longest_that_its_evidence_carries() {
        let least = |evidences: &[f64], of| {
            let logs: Vec<f64> = evidences.iter().map(|m| m.ln()).collect();
            least_named(&logs, of, 100.0).exp()
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * b;
        // One of ten needs 1000, five of ten 200 each, all of them 100 each.
        assert!(least(&[999.0, 1.0], 10).is_infinite());
        assert!(close(least(&[1000.1, 1.0], 10), 1000.0));
        assert!(least(&[499.0; 2], 10).is_infinite());
        assert!(close(least(&[200.1; 5], 10), 200.0));
        assert!(close(least(&[100.1; 10], 10), 100.0));
        assert!(close(least(&[100.1], 1), 100.0));
        // The strongest carry a weaker one, which alone would not be named.
        assert!(close(least(&[5000.0, 501.0, 334.0, 1.0], 10), 1000.0 / 3.0));
        assert!(least(&[], 10).is_infinite());
    }

    #[derive(Default, Serialize, serde::Deserialize)]
    struct Bare(Evidence);

    impl Holds for Bare {
        fn evidence(&mut self) -> &mut Evidence {
            &mut self.0
        }
    }

    /// Those that say nothing at the moment share the promise all the same.
    #[test]
    fn silent_members_count() {
        let levels = Levels { critical: 100.0, warning: None };
        let named = |of: usize| {
            let mut bare = Bare::default();
            bare.evidence().take(&[Some(150f64.ln())], levels, of);
            let mut memory = Memory::default();
            memory.keep("bare", 1, &bare);
            let mut reading = Reading { beyond: None, uncleared: false };
            let mut members = [Member { memory: &mut memory, reading: &mut reading }];
            name::<Bare>("bare", 1, &mut members, of, levels);
            reading.beyond
        };
        assert_eq!(named(1), Some(Severity::Critical));
        assert_eq!(named(2), None);
    }
}
