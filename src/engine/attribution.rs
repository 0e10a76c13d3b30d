//! What a window beyond its level is made of: its bins, the place where it lies farthest from the
//! reference, and what each segment adds. Worked out only for such windows.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::Contents;
use super::model::{Group, Model, VersionIx};
use super::score::{Unit, part_of};
use super::segments::WHOLE;
use crate::event::{Span, Time};
use crate::policy::{Attribution, BySegment, Carried, Made, Without};
use crate::reference::{Reference, SegmentReference};
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
        // It leaves pairs out, and a reference does not say how many.
        if self.statistic.name() == "mape" {
            return None;
        }
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
        let metric = |contents: &Contents| {
            self.statistic.score(&contents.sample(self.length, None)).map(|s| s.value).ok()
        };
        let share = |n: f64, of: Option<f64>| of.filter(|of| *of > 0.0).map(|of| n / of);
        let pairs = |contents: &Contents| contents.performance.as_ref().map(|p| p.n() as f64);
        let kept = |metrics: &BTreeMap<String, f64>, name: &str| metrics.get(name).copied();
        let (label, reference) = (self.statistic.label(), self.reference.map(|r| &r.performance));
        let part = |slice: &Slice<'a>| {
            let own = slice.window.performance.as_ref();
            let rest = own.map(|own| {
                let mut rest = all.clone();
                rest.subtract(own);
                let matched = whole.matched - slice.window.matched;
                Contents { performance: Some(rest), matched, ..Contents::default() }
            });
            let here = slice.reference.map(|r| &r.performance);
            let (before, reference_share) = match &slice.window.earlier {
                Some(earlier) => {
                    let of = whole.earlier.as_deref().and_then(pairs);
                    (metric(earlier), share(pairs(earlier).unwrap_or(0.0), of))
                }
                None => {
                    let n = here.map_or(Some(0.0), |here| kept(here, "n"));
                    let of = reference.and_then(|whole| kept(whole, "n"));
                    (here.and_then(|here| kept(here, &label)), n.and_then(|n| share(n, of)))
                }
            };
            Without {
                value: rest.as_ref().map_or_else(|| metric(whole), metric),
                own: (before, metric(&slice.window)),
                reference_share,
                window_share: share(pairs(&slice.window).unwrap_or(0.0), pairs(whole)),
            }
        };
        Some(Carried {
            value: metric(whole)?,
            before: match &whole.earlier {
                Some(earlier) => metric(earlier),
                None => reference.and_then(|whole| kept(whole, &label)),
            },
            worse: self.statistic.direction(),
            parts: slices.iter().map(part).collect(),
        })
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
        let of = |name: &str| metrics.and_then(|metrics| metrics.get(name)).copied();
        match (of(&self.statistic.label()), of("n")) {
            (Some(mean), Some(n)) => Tally::of(mean, n),
            _ => Tally::default(),
        }
    }
}
