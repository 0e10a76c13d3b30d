//! One window of one series and segment becomes a score line.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::axis::Along;
use super::contents::Contents;
use super::model::Model;
use super::season::Seasonal;
use super::segments::{SegmentIx, WHOLE};
use super::track::Track;
use crate::detect::{Observation, Reading, Severity, Step};
use crate::event::{Span, Time};
use crate::lines::{NoData, ScoreLine, Verdict, WindowLine};
use crate::plan::{EXPECTED_LOSS, MonitorPlan};
use crate::policy::Attribution;
use crate::reference::{CLASSIFIED, Reference, SegmentReference, own_pairs};
use crate::stats::{
    Baseline, Basis, Counts, LogHistogram, Performance, Sample, Score, Tail, Undefined,
};

/// One window: where it lies along its line, and when that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub along: Along,
    /// First position.
    pub from: Time,
    /// One past the last position.
    pub to: Time,
    /// Event time that it begins with.
    pub start: Time,
    /// Event time that it ends with; names the window.
    pub end: Time,
    /// Distance to the next window along the line.
    pub every: Span,
    /// How long before the window that is judged it lies.
    pub back: Span,
}

impl Frame {
    /// A window of event time.
    pub(super) fn of_time(end: Time, length: Span, every: Span) -> Frame {
        let start = end - length;
        Frame { along: Along::Time, from: start, to: end, start, end, every, back: Span(0) }
    }

    /// The window of event time that lies so long before it.
    pub(super) fn before(&self, back: Span) -> Frame {
        let (start, end) = (self.start - back, self.end - back);
        Frame { from: start, to: end, start, end, back, ..*self }
    }

    /// The first instant after it: what arrived earlier belongs to it or to its past.
    pub(super) fn after(&self) -> Time {
        match self.along {
            Along::Time => self.end,
            Along::Events | Along::Pairs => self.end + Span(1),
        }
    }

    /// Event time from one window to the next: among counts, the window's share of it.
    pub(super) fn pace(&self) -> Span {
        match self.along {
            Along::Time => self.every,
            Along::Events | Along::Pairs => Span((self.end - self.start).0 / self.hops()),
        }
    }

    /// Windows from this one on to the first that shares nothing with it.
    fn hops(&self) -> i64 {
        ((self.to - self.from).0 / self.every.0.max(1)).max(1)
    }
}

/// The window and what it is about.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    pub monitor: &'a MonitorPlan,
    pub series: &'a Arc<str>,
    pub segment: SegmentIx,
    pub frame: Frame,
    /// Name of the group's newest version.
    pub version: Option<Arc<str>>,
    /// How many series and segments share the detector's promise.
    pub among: usize,
}

impl<'a> Unit<'a> {
    /// The series whose path it cannot do without.
    fn looked_at(&self) -> &str {
        match self.monitor.expects() {
            Some(CLASSIFIED) => "probability",
            Some(losses) => losses,
            None => self.series,
        }
    }

    /// The window that it is judged against, where that is not the reference.
    pub(super) fn earlier(&self) -> Option<Unit<'a>> {
        let back = self.monitor.against.filter(|_| self.frame.back == Span(0))?;
        Some(Unit { frame: self.frame.before(back), ..self.clone() })
    }

    /// The part of the window that no window before held, where the detector asks for it and it
    /// is not the whole window.
    pub(super) fn step(&self) -> Option<Unit<'a>> {
        let from = self.frame.to - self.frame.every;
        let asked = self.monitor.detector.takes_steps();
        (asked && from > self.frame.from)
            .then(|| Unit { frame: Frame { from, ..self.frame }, ..self.clone() })
    }
}

/// A line and how the detector reads it.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub line: ScoreLine,
    pub reading: Option<Reading>,
    /// The level that was crossed.
    pub level: Option<f64>,
    /// The same metric on the reference, where there is one.
    pub reference_score: Option<f64>,
    /// What it is made of, where a level was crossed.
    pub attribution: Option<Attribution>,
    /// Whether it is a revision that says something else than the line before.
    pub restated: bool,
}

impl Judged {
    /// Whether it is beyond a level.
    pub(super) fn is_beyond(&self) -> bool {
        self.reading.is_some_and(|reading| reading.beyond.is_some())
    }
}

impl Model {
    /// Scores a window and has its detector read it. `since` is where the series begins to be
    /// covered whole.
    pub(super) fn judge_unit(
        &self,
        unit: &Unit<'_>,
        contents: &Contents,
        reference: Option<&Reference>,
        since: Time,
        low_coverage: bool,
        track: &mut Track,
    ) -> Judged {
        let monitor = unit.monitor;
        let statistic = monitor.statistic.as_ref();
        let entry = self.segments.entry(unit.segment);
        let part = part_of(reference, &entry.reference_key);
        let profile = reference.and_then(|r| r.series.get(unit.series as &str));
        // Known categories and bounds are the whole's; only a distance needs the segment's part.
        let in_reference =
            unit.segment == WHOLE || part.is_some() || statistic.basis() == Basis::Quality;
        let whole = match part {
            Some(part) => part.series.get(unit.series as &str),
            None => contents.reference.as_deref(),
        };
        let seasonal = self.in_season(unit, contents, reference, part);
        let lacks_slots = seasonal.as_ref().err().copied();
        let seasonal = seasonal.unwrap_or_default();
        let earlier = contents.earlier.as_deref();
        let profile_here = profile.map(Arc::as_ref).filter(|_| in_reference || earlier.is_some());
        let against = profile_here.zip(contents.law(law(seasonal.as_ref(), whole)));
        let baseline = match earlier {
            Some(earlier) => earlier_metric(unit, earlier),
            None => {
                let metrics = metrics_of(reference, part, unit.segment);
                metrics.and_then(|metrics| kept_metric(metrics, &statistic.label()))
            }
        };
        let metric = baseline.map(|baseline| baseline.value);
        let metric_pairs = baseline.map(|baseline| baseline.pairs).filter(|pairs| *pairs > 0);
        let length = unit.frame.end - unit.frame.start;
        let calibrator = reference.and_then(Reference::calibrator);
        let reference_errors = match earlier {
            Some(earlier) => earlier.performance.as_ref().and_then(Performance::errors),
            None => errors_of(reference, part, unit.segment),
        };
        let sample =
            Sample { baseline, reference_errors, calibrator, ..contents.sample(length, against) };
        let pair = sample.pair;
        let support = statistic.support(&sample);
        let scored = statistic.score(&sample);
        let lacks_earlier = earlier.is_some_and(|earlier| !suffices(unit, earlier, since));
        let lacks_metric = monitor.detector.needs_reference_metric() && metric.is_none();
        let reason = if unit.frame.from < since {
            Some(NoData::WindowNotFull)
        } else if self.never_seen(unit.looked_at()) {
            Some(NoData::PathNeverSeen)
        } else if !lacks_earlier && (lacks_metric || scored == Err(Undefined::NoReference)) {
            Some(NoData::NoReference)
        } else if low_coverage {
            Some(NoData::LowCoverage)
        } else if contents.events < monitor.min_events {
            Some(NoData::NotEnoughEvents)
        } else if statistic.basis() == Basis::Distribution && contents.of_wrong_type() {
            // Before the support, which it takes away.
            Some(NoData::WrongType)
        } else if support < monitor.min_support {
            Some(NoData::NotEnoughSupport)
        } else if lacks_earlier {
            Some(NoData::NoEarlierWindow)
        } else if lacks_slots.is_some() {
            lacks_slots
        } else if scored.is_err() {
            Some(NoData::Undefined)
        } else {
            None
        };
        let score = scored.ok().filter(|_| reason.is_none());
        let chance = score.map(|score| statistic.chance(&sample, &score)).unwrap_or_default();
        let read = score.map(|score| {
            let pace = unit.frame.pace();
            let step_seasonal = contents
                .step
                .as_deref()
                .and_then(|step| self.in_season(unit, step, reference, part).ok().flatten());
            let newest = match contents.step.as_deref() {
                Some(step) => {
                    step.sample(pace, profile_here.zip(law(step_seasonal.as_ref(), whole)))
                }
                None => contents.sample(pace, against),
            };
            let newest = Sample { calibrator, ..newest };
            let step = if monitor.detector.takes_steps() {
                let season = self.season_of(monitor, whole);
                Step { score: statistic.score(&newest).ok(), pair: newest.pair, season }
            } else {
                Step::default()
            };
            let seen = Observation {
                score: score.value,
                reference: metric,
                reference_support: baseline.map_or(0, |b| b.own.unwrap_or(b.pairs)),
                every: pace,
                among: unit.among,
                floor: chance.floor,
                noise: monitor.detector.takes_noise().then(|| statistic.noise(&sample)).flatten(),
                hops: unit.frame.hops(),
                law_moves: seasonal.is_some() || earlier.is_some(),
                pair,
                step,
            };
            track.read(unit.frame.end, monitor.detector.as_ref(), &seen)
        });
        let reading = read.and_then(Result::ok);
        let reason = reason.or(read.and_then(Result::err));
        let score = score.filter(|_| reason.is_none());
        // What a window is too small for is told by its noise.
        let told = reason.is_none() || reason == Some(NoData::TooLittlePower);
        let noise_floor = chance.floor.filter(|_| told);
        let verdict = reason.map_or_else(|| said(reading), |_| Verdict::NoData);
        let level = score
            .zip(reading.and_then(|r| r.beyond))
            .and_then(|(score, severity)| monitor.detector.level(severity, score.value, metric));
        let coverage = monitor.by_outcomes().then(|| contents.coverage()).flatten();
        let of_model = matches!(statistic.basis(), Basis::Performance | Basis::Estimate);
        let model_reference = || reference.filter(|_| of_model && earlier.is_none());
        let tail = chance.tail.filter(|_| score.is_some());
        let known = match tail {
            Some(Tail::Known(p)) => Some(p),
            Some(Tail::Smirnov { .. }) | None => None,
        };
        let line = ScoreLine {
            model: self.plan.name.as_str().into(),
            version: unit.version.clone(),
            monitor: monitor.name.as_str().into(),
            series: unit.series.clone(),
            segment: entry.segment.clone(),
            statistic: statistic.name().into(),
            estimated: statistic.basis() == Basis::Estimate,
            window: WindowLine {
                start: unit.frame.start,
                end: unit.frame.end,
                events: contents.events,
                support,
            },
            revision: 0,
            score: score.map(|s| s.value),
            interval: score.and_then(|s| s.interval).map(|(low, high)| (low, finite(high))),
            p_value: known,
            tail: tail.filter(|_| known.is_none()),
            noise_floor,
            visible: noise_floor.and_then(|floor| statistic.visible(&sample, floor)),
            reference: profile
                .map(|p| p.id().into())
                .or_else(|| model_reference().map(|r| r.id.as_str().into())),
            reference_events: pair
                .map(|p| p.reference.rows())
                .or_else(|| model_reference().and(metric_pairs)),
            season: seasonal.as_ref().map(|s| s.line),
            against: unit.earlier().zip(earlier).map(|(unit, earlier)| WindowLine {
                start: unit.frame.start,
                end: unit.frame.end,
                events: earlier.events,
                support: pair.map_or(pairs(earlier), |pair| pair.reference.rows()),
            }),
            coverage,
            verdict,
            reason,
        };
        Judged { line, reading, level, reference_score: metric, attribution: None, restated: false }
    }

    /// Whether the path of a series is configured and was found in no event so far: a fault of
    /// the configuration, never drift.
    fn never_seen(&self, series: &str) -> bool {
        let path = match series {
            "prediction" | "probability" | EXPECTED_LOSS => format!("predictions.{series}"),
            feature => feature.to_owned(),
        };
        self.plan.paths.iter().any(|p| p.name == path) && !self.ledger.paths_seen.contains(&path)
    }
}

/// What a reading says of a window that has a score.
pub(super) fn said(reading: Option<Reading>) -> Verdict {
    match reading.and_then(|r| r.beyond) {
        Some(Severity::Critical) => Verdict::Critical,
        Some(Severity::Warning) => Verdict::Warning,
        None => Verdict::Ok,
    }
}

/// Errors that a reference keeps.
fn errors_of<'a>(
    reference: Option<&'a Reference>,
    part: Option<&'a SegmentReference>,
    segment: SegmentIx,
) -> Option<&'a LogHistogram> {
    if segment == WHOLE { reference?.errors.as_ref() } else { part?.errors.as_ref() }
}

/// A metric that a reference keeps.
fn kept_metric(metrics: &BTreeMap<String, f64>, label: &str) -> Option<Baseline> {
    let value = *metrics.get(label)?;
    let pairs = metrics.get("n").map_or(0, |n| *n as u64);
    Some(Baseline { value, pairs, own: own_pairs(metrics, label).map(|n| n as u64) })
}

/// The metric of an earlier window.
fn earlier_metric(unit: &Unit<'_>, earlier: &Contents) -> Option<Baseline> {
    let score = scored(unit, earlier)?;
    Some(Baseline { value: score.value, pairs: pairs(earlier), own: Some(score.support) })
}

fn pairs(contents: &Contents) -> u64 {
    contents.performance.as_ref().map_or(0, |sums| sums.n().max(0) as u64)
}

/// The score that a window has by itself.
fn scored(unit: &Unit<'_>, contents: &Contents) -> Option<Score> {
    let length = unit.frame.end - unit.frame.start;
    unit.monitor.statistic.score(&contents.sample(length, None)).ok()
}

/// Whether an earlier window was seen whole and holds as much as one that is judged must.
fn suffices(unit: &Unit<'_>, earlier: &Contents, since: Time) -> bool {
    let monitor = unit.monitor;
    let begins = unit.earlier().is_some_and(|unit| unit.frame.from >= since);
    let support = match &earlier.counts {
        Some(counts) => counts.rows(),
        // It has no value by itself, and serves as the reference of this one.
        None if monitor.statistic.compares_errors() => {
            let length = unit.frame.end - unit.frame.start;
            monitor.statistic.support(&earlier.sample(length, None))
        }
        None => scored(unit, earlier).map_or(0, |score| score.support),
    };
    let coverage = earlier.coverage().filter(|_| monitor.by_outcomes());
    begins
        && earlier.events >= monitor.min_events
        && support >= monitor.min_support
        && coverage.is_none_or(|coverage| coverage >= monitor.min_coverage)
        && !earlier.of_wrong_type()
}

/// What a window is compared with: the law of its own hours, where there is one.
fn law<'a>(seasonal: Option<&'a Seasonal>, whole: Option<&'a Counts>) -> Option<&'a Counts> {
    seasonal.map(|seasonal| &seasonal.counts).or(whole)
}

fn finite(x: f64) -> Option<f64> {
    Some(x).filter(|x| x.is_finite())
}

pub(super) fn part_of<'a>(
    reference: Option<&'a Reference>,
    key: &(String, String),
) -> Option<&'a SegmentReference> {
    reference?.segments.get(&key.0)?.get(&key.1)
}

/// The same metric on the reference, of the line's own segment.
pub(super) fn metric_on_reference(
    reference: Option<&Reference>,
    part: Option<&SegmentReference>,
    segment: SegmentIx,
    name: &str,
) -> Option<f64> {
    metrics_of(reference, part, segment)?.get(name).copied()
}

fn metrics_of<'a>(
    reference: Option<&'a Reference>,
    part: Option<&'a SegmentReference>,
    segment: SegmentIx,
) -> Option<&'a BTreeMap<String, f64>> {
    if segment == WHOLE { Some(&reference?.performance) } else { Some(&part?.performance) }
}
