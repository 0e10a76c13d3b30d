//! Kuiper distance.

use std::sync::Arc;

use super::bridge::Stretches;
use super::ks::{Leads, leads};
use super::ranked::{Measure, RankFormula, Ranked, Ranks};
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "kuiper",
    summary: "largest lead of the reference's distribution function plus the window's largest lead; 0 to 1, greater is worse; sees tails and spread as well as the middle",
    definition: "V = sup (F_reference - F_window) + sup (F_window - F_reference), ties exact; on a compressed reference over grid points, a lower bound with its interval",
    sees: "a change of spread as well as a shift, since leads to both sides add up; not how far values went, nor rows without a value",
    range: "0 to 1",
    source: "Kuiper, Proceedings of the Koninklijke Nederlandse Akademie van Wetenschappen A 63, 1960; law: Stephens, JRSS B 32, 1970",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(Ranked(Kuiper))),
};

/// The 99 % point of the asymptotic law.
const CRITICAL: f64 = 2.000_918_1;

/// Its 90 % point.
const WITHIN: f64 = 1.619_603_5;

#[derive(Debug)]
struct Kuiper;

/// Stephens' scale: V times this follows the asymptotic law, at any size.
fn scale(ranks: &Ranks<'_>) -> f64 {
    let (m, n) = (ranks.m as f64, ranks.n as f64);
    let root = (m * n / (m + n)).sqrt();
    root + 0.155 + 0.24 / root
}

impl RankFormula for Kuiper {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure> {
        let Leads { reference, window } = leads(ranks);
        let scale = ranks.m as f64 * ranks.n as f64;
        let low = (reference.0 + window.0) as f64 / scale;
        let high = ((reference.1 + window.1) as f64 / scale).min(1.0);
        Some(Measure { value: low, low, high })
    }

    fn floor(&self, ranks: &Ranks<'_>) -> Option<f64> {
        Some((Stretches::of(ranks).range_99(CRITICAL)? / scale(ranks)).min(1.0))
    }

    fn noise(&self, ranks: &Ranks<'_>) -> Option<Noise> {
        let change = Change::Band(WITHIN / 0.5);
        Some(Noise { origin: 0.0, unit: 0.5 / scale(ranks), squared: false, change, most: 1.0 })
    }

    fn p_value(&self, ranks: &Ranks<'_>, value: f64) -> Option<f64> {
        Some(tail(value * scale(ranks)))
    }
}

/// 2 sum over j of (4 j^2 x^2 - 1) exp(-2 j^2 x^2).
fn tail(x: f64) -> f64 {
    if x < 0.4 {
        return 1.0;
    }
    let term = |j: u32| {
        let square = (f64::from(j) * x).powi(2);
        (4.0 * square - 1.0) * (-2.0 * square).exp()
    };
    (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}
