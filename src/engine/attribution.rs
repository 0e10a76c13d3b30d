//! What a window beyond its level is made of: its bins, the place where it lies farthest from the
//! reference, and what each segment adds. Worked out only for such windows.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::Contents;
use super::model::{Group, Model, VersionIx};
use super::score::{Unit, part_of};
use super::segments::WHOLE;
use crate::event::{Span, Time};
use crate::policy::{Attribution, BySegment, Carried, Made, Without};
use crate::reference::{Reference, SegmentReference, own_pairs};
use crate::stats::{
    Basis, Counts, Pair, Place, Profile, Sample, Sides, Split, Statistic, Tally, bins, split_psi,
};

/// One segment on both sides; either may lack it.
struct Slice<'a> {
    name: String,
    reference: Option<&'a SegmentReference>,
    window: Contents,
}

/// What all slices are compared by.
struct Comparison<'a> {
    statistic: &'a dyn Statistic,
    series: &'a str,
    length: Span,
    reference: Option<&'a Reference>,
    /// Support below which a metric says nothing.
    least: u64,
}

impl Model {
    /// Why a window is beyond its level; of a segment without what its parts add.
    pub(super) fn attribute(
        &mut self,
        group: &mut Group,
        members: &[VersionIx],
        unit: &Unit<'_>,
        boundary: Time,
    ) -> Attribution {
        let contents = &self.contents(group, members, unit, boundary);
        let reference = group.reference.clone();
        let reference = reference.as_deref();
        let comparison = Comparison {
            statistic: unit.monitor.statistic.as_ref(),
            series: unit.series,
            length: unit.frame.end - unit.frame.start,
            reference,
            least: unit.monitor.min_support,
        };
        let part = part_of(reference, &self.segments.entry(unit.segment).reference_key);
        let whole = contents.reference.as_deref();
        let against = if unit.segment == WHOLE { whole } else { comparison.counts(part) };
        let seasonal = self.in_season(unit, contents, reference, part).ok().flatten();
        let against = contents.law(seasonal.as_ref().map(|law| &law.counts).or(against));
        let mut attribution = comparison.distribution(against, contents);
        // Within the law of some hours, segments have no part of their own to be split by.
        if unit.segment == WHOLE && seasonal.is_none() {
            for &dimension in &unit.monitor.by {
                let slices = self.slices(group, members, unit, boundary, dimension, reference);
                let by = self.segments.name_of(dimension);
                let part = comparison.made_of(contents, &slices).map(|(of, made)| {
                    let names = slices.into_iter().map(|slice| slice.name).collect();
                    BySegment { by, of, names, made }
                });
                attribution.segments.extend(part);
            }
        }
        attribution
    }

    /// The segments of a dimension that the window or the reference holds.
    fn slices<'a>(
        &mut self,
        group: &mut Group,
        members: &[VersionIx],
        unit: &Unit<'_>,
        boundary: Time,
        dimension: usize,
        reference: Option<&'a Reference>,
    ) -> Vec<Slice<'a>> {
        let earlier = unit.earlier();
        let held = reference.filter(|_| earlier.is_none());
        let held = held.and_then(|r| r.segments.get(&self.segments.name_of(dimension)));
        let mut seen = BTreeSet::new();
        let mut slices = Vec::new();
        let mut segments = self.units_of(unit.monitor, &unit.frame);
        segments.extend(earlier.iter().flat_map(|e| self.units_of(e.monitor, &e.frame)));
        for segment in segments {
            let entry = self.segments.entry(segment);
            let name = entry.reference_key.1.clone();
            if segment == WHOLE || entry.dimension != dimension || seen.contains(&name) {
                continue;
            }
            let unit = Unit { segment, ..unit.clone() };
            let window = self.contents(group, members, &unit, boundary);
            let reference = held.and_then(|held| held.get(&name));
            seen.insert(name.clone());
            slices.push(Slice { name, reference, window });
        }
        let gone = held.into_iter().flatten().filter(|(name, _)| !seen.contains(*name));
        slices.extend(gone.map(|(name, part)| Slice {
            name: name.clone(),
            reference: Some(part),
            window: Contents::default(),
        }));
        slices
    }
}

impl<'a> Comparison<'a> {
    fn profile(&self) -> Option<&'a Profile> {
        Some(self.reference?.series.get(self.series)?)
    }

    fn counts(&self, part: Option<&'a SegmentReference>) -> Option<&'a Counts> {
        part?.series.get(self.series)
    }

    /// The bins and the place of the largest distance, where there are distributions.
    fn distribution(&self, reference: Option<&Counts>, contents: &Contents) -> Attribution {
        let pair = self.profile().zip(reference).zip(contents.counts.as_deref());
        let Some(((profile, reference), window)) = pair else { return Attribution::default() };
        let pair = Pair { profile, reference, window };
        let binning = self.statistic.binning().unwrap_or_default();
        let place = Place::of(&pair).filter(|_| self.statistic.basis() == Basis::Distribution);
        Attribution { bins: bins(&pair, &binning), place, segments: Vec::new() }
    }

    /// What the slices add to a number, and to which.
    fn made_of(&self, whole: &Contents, slices: &[Slice<'a>]) -> Option<(String, Made)> {
        if slices.is_empty() {
            return None;
        }
        if let Some((of, split)) = self.split(whole, slices) {
            return Some((of, Made::Split(split)));
        }
        let carried = self.without(whole, slices)?;
        Some((self.statistic.label(), Made::Without(carried)))
    }

    /// What the slices add to the whole's change, and to which number's.
    fn split(&self, whole: &Contents, slices: &[Slice<'a>]) -> Option<(String, Split)> {
        if self.statistic.basis() == Basis::Distribution {
            return self.split_distance(whole, slices);
        }
        self.statistic.mean_of()?;
        let before = match (&whole.earlier, self.statistic.basis()) {
            (Some(earlier), _) => self.score(earlier),
            (None, Basis::Performance) => self.metric(self.reference.map(|r| &r.performance)),
            (None, _) => self.quality(whole.reference.as_deref()),
        };
        let whole = Sides { reference: before, window: self.score(whole) };
        let sides = |slice: &Slice<'a>| Sides {
            reference: match (&slice.window.earlier, self.statistic.basis()) {
                (Some(earlier), _) => self.score(earlier),
                (None, Basis::Performance) => self.metric(slice.reference.map(|r| &r.performance)),
                (None, _) => self.quality(self.counts(slice.reference)),
            },
            window: self.score(&slice.window),
        };
        let parts: Vec<Sides> = slices.iter().map(sides).collect();
        Some((self.statistic.label(), Split::of(whole, &parts)?))
    }

    /// The distance itself where it adds up over bins or at a place.
    fn split_distance(&self, whole: &Contents, slices: &[Slice<'a>]) -> Option<(String, Split)> {
        let (profile, none) = (self.profile()?, Counts::default());
        let reference = whole.law(whole.reference.as_deref())?;
        let pair = Pair { profile, reference, window: whole.counts.as_deref()? };
        let mut parts: Vec<(&Counts, &Counts)> = Vec::with_capacity(slices.len());
        for slice in slices {
            let window = slice.window.counts.as_deref();
            let reference = slice.window.law(self.counts(slice.reference));
            parts.push((reference.unwrap_or(&none), window.unwrap_or(&none)));
        }
        let ranked = Place::of(&pair).filter(|_| self.statistic.binning().is_none());
        match ranked {
            Some(place) => Some(("ks".to_owned(), place.split(&pair, &parts)?)),
            None => {
                let binning = self.statistic.binning().unwrap_or_default();
                Some(("psi".to_owned(), split_psi(&pair, &binning, &parts)?))
            }
        }
    }

    /// The metric of the window without each slice.
    fn without(&self, whole: &Contents, slices: &[Slice<'a>]) -> Option<Carried> {
        if self.statistic.basis() != Basis::Performance {
            return None;
        }
        let all = whole.performance.as_ref()?;
        // What a reference does not split says nothing about shares.
        let is_split = slices.iter().any(|slice| slice.reference.is_some());
        let pairs_before = kept(self.reference.map(|r| &r.performance), "n");
        let part = |slice: &Slice<'a>| {
            let rest = slice.window.performance.as_ref().map(|own| {
                let mut rest = all.clone();
                rest.subtract(own);
                Contents { performance: Some(rest), ..Contents::default() }
            });
            let here = slice.reference.map(|r| &r.performance);
            let (before, reference_share) = match &slice.window.earlier {
                Some(earlier) => {
                    let of = whole.earlier.as_deref().map(pairs);
                    (self.supported(earlier), share(Some(pairs(earlier)), of))
                }
                None => {
                    let n = if here.is_some() { kept(here, "n") } else { Some(0.0) };
                    let n = n.filter(|_| is_split);
                    (kept(here, &self.statistic.label()), share(n, pairs_before))
                }
            };
            Without {
                value: self.supported(rest.as_ref().unwrap_or(whole)),
                own: (before, self.supported(&slice.window)),
                reference_share,
                window_share: share(Some(pairs(&slice.window)), Some(pairs(whole))),
            }
        };
        Some(Carried {
            value: self.supported(whole)?,
            before: match &whole.earlier {
                Some(earlier) => self.supported(earlier),
                None => kept(self.reference.map(|r| &r.performance), &self.statistic.label()),
            },
            worse: self.statistic.direction(),
            best: self.statistic.best(),
            parts: slices.iter().map(part).collect(),
        })
    }

    /// The metric of what has support enough to be judged.
    fn supported(&self, contents: &Contents) -> Option<f64> {
        let score = self.statistic.score(&contents.sample(self.length, None)).ok();
        score.filter(|score| score.support >= self.least).map(|score| score.value)
    }

    fn score(&self, contents: &Contents) -> Tally {
        let against = self.profile().zip(contents.reference.as_deref());
        self.mean(&contents.sample(self.length, against))
    }

    /// The score of the reference's own counts.
    fn quality(&self, counts: Option<&Counts>) -> Tally {
        let Some((profile, counts)) = self.profile().zip(counts) else { return Tally::default() };
        let pair = Pair { profile, reference: counts, window: counts };
        self.mean(&Sample {
            events: counts.rows(),
            window: Some(counts),
            pair: Some(pair),
            ..Sample::default()
        })
    }

    fn mean(&self, sample: &Sample<'_>) -> Tally {
        let score = self.statistic.score(sample);
        score.map_or_else(|_| Tally::default(), |s| Tally::of(s.value, s.support as f64))
    }

    /// The metric that a reference holds.
    fn metric(&self, metrics: Option<&BTreeMap<String, f64>>) -> Tally {
        let label = self.statistic.label();
        let own = metrics.and_then(|metrics| own_pairs(metrics, &label));
        match (kept(metrics, &label), own.or_else(|| kept(metrics, "n"))) {
            (Some(mean), Some(n)) => Tally::of(mean, n),
            _ => Tally::default(),
        }
    }
}

/// A number that a reference holds.
fn kept(metrics: Option<&BTreeMap<String, f64>>, name: &str) -> Option<f64> {
    metrics?.get(name).copied()
}

/// Pairs of prediction and outcome.
fn pairs(contents: &Contents) -> f64 {
    contents.performance.as_ref().map_or(0.0, |p| p.n() as f64)
}

fn share(n: Option<f64>, of: Option<f64>) -> Option<f64> {
    Some(n? / of.filter(|of| *of > 0.0)?)
}
