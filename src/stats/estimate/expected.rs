//! What a window is expected to hold if the calibrator is right.

use super::Calibrator;
use crate::stats::metrics::Z;
use crate::stats::{Counts, Sample, Undefined};

/// A confusion of the positive class, of whole pairs or of expected ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confusion {
    /// Predicted and true.
    pub true_positive: f64,
    /// Predicted but not true.
    pub false_positive: f64,
    /// Neither.
    pub true_negative: f64,
    /// True but not predicted.
    pub false_negative: f64,
}

/// The expected outcomes of a window's predictions.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    counts: &'a Counts,
    calibrator: &'a Calibrator,
}

/// Predictions with one code.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedCell {
    /// Predictions.
    pub rows: f64,
    /// Share of them that is expected to come true.
    pub share: f64,
    /// Whether their probabilities may differ.
    pub open: bool,
    /// Variance of how many come true.
    pub variance: f64,
}

/// The positives expected among the predictions of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    rows: f64,
    positives: f64,
    /// Of a sum of independent yes and no, p (1 - p) each, and of what the reference knew of p.
    variance: f64,
    /// How far the grid may lead the sum astray.
    doubt: f64,
}

impl<'a> Expected<'a> {
    /// The window's counts beside what their codes stand for.
    ///
    /// # Errors
    /// There is no calibrator, or it is of another grid.
    pub fn of(sample: &Sample<'a>) -> Result<Expected<'a>, Undefined> {
        let calibrator = sample.calibrator.ok_or(Undefined::NoReference)?;
        let counts = sample.window.ok_or(Undefined::Undefined)?;
        match counts.cells.len() == 2 * calibrator.table.len() {
            true => Ok(Expected { counts, calibrator }),
            false => Err(Undefined::Undefined),
        }
    }

    /// Predictions by code, ascending with the probability, of both classes.
    pub fn cells(&self) -> impl DoubleEndedIterator<Item = ExpectedCell> + '_ {
        let table = self.calibrator.table.iter().enumerate();
        let cells = table.zip(self.counts.cells.chunks_exact(2));
        cells.filter(|(_, n)| n[0] + n[1] > 0).map(|((code, share), n)| ExpectedCell {
            rows: (n[0] + n[1]) as f64,
            share: *share,
            open: code % 2 == 0,
            variance: self.calibrator.variance(code, (n[0] + n[1]) as f64),
        })
    }

    fn side(&self, predicted: usize) -> Side {
        let counts = self.counts.cells.iter().skip(predicted).step_by(2);
        let cells = self.calibrator.table.iter().zip(counts).enumerate();
        let mut side = Side::default();
        for (code, (share, n)) in cells.filter(|(_, (_, n))| **n > 0) {
            let n = *n as f64;
            side.rows += n;
            side.positives += n * share;
            side.variance += self.calibrator.variance(code, n);
            side.doubt += n * self.calibrator.doubt(code);
        }
        side
    }

    /// A metric of the expected confusion, its support and its band.
    ///
    /// Outcomes are independent given the probabilities (Poisson-binomial), and the shares of
    /// positives that the calibrator holds have the error of the reference's rows. Of the two counts that
    /// they make, the positives among either class, each is moved by 1.96 deviations and what the
    /// grid leaves open; the moves of the metric add up as squares. This is exact where the metric is
    /// linear in them, the delta method elsewhere.
    pub fn confusion(
        &self,
        metric: impl Fn(&Confusion) -> Option<(f64, f64)>,
    ) -> Option<(f64, f64, (f64, f64))> {
        let [no, yes] = [self.side(0), self.side(1)];
        let at = |missed: f64, hits: f64| {
            metric(&Confusion {
                true_positive: hits,
                false_positive: yes.rows - hits,
                true_negative: no.rows - missed,
                false_negative: missed,
            })
        };
        let (value, support) = at(no.positives, yes.positives)?;
        let (mut down, mut up) = (0.0, 0.0);
        let mut add = |moved: Option<(f64, f64)>| {
            let by = moved.map_or(0.0, |(moved, _)| moved - value);
            *(if by < 0.0 { &mut down } else { &mut up }) += by * by;
        };
        for sign in [-1.0, 1.0] {
            let to = |side: Side| {
                let by = Z * side.variance.sqrt() + side.doubt;
                (side.positives + sign * by).clamp(0.0, side.rows)
            };
            add(at(no.positives, to(yes)));
            add(at(to(no), yes.positives));
        }
        Some((value, support, (value - f64::sqrt(down), value + f64::sqrt(up))))
    }
}
