//! The fairest price of a bet against every law near the reference.

/// Shares that a bet must not fall below.
const LEAST: f64 = 1e-12;
/// Newton's steps; half a dozen suffice.
const MOST_STEPS: usize = 60;
/// How near to the edge, relative to the radius, the last step begins.
const CLOSE: f64 = 1e-2;

/// ln(q / P*) per bin, where P* is the law of the ball KL(p || P) <= `radius` that is nearest to
/// the bet `q`: its mean is at most 1 under every law of the ball (reverse information projection;
/// Grünwald, de Heide & Koolen, Safe testing, JRSS B 86 (2024); Larsson, Ramdas & Ruf (2025)). The
/// minimiser lies on the segment from p to q, P* = (1 - w) p + w q, at the edge of the ball.
/// `None` where the ball holds q itself: no evidence is possible then.
///
/// `p` is positive everywhere; both sum to 1.
pub(super) fn ln_ratios(p: &[f64], q: &[f64], radius: f64) -> Option<Vec<f64>> {
    let total: f64 = q.iter().map(|q| q.max(LEAST)).sum();
    let q: Vec<f64> = q.iter().map(|q| q.max(LEAST) / total).collect();
    let at = |w: f64| {
        let (mut divergence, mut slope) = (0.0, 0.0);
        for (p, q) in p.iter().zip(&q) {
            let ratio = p / (p + w * (q - p));
            divergence += p * ratio.ln();
            slope += (p - q) * ratio;
        }
        (divergence, slope)
    };
    let mut w = near_edge(p, &q, radius);
    for _ in 0..MOST_STEPS {
        let (divergence, slope) = at(w);
        if w >= 1.0 && divergence <= radius {
            return None;
        }
        if slope <= 0.0 {
            break;
        }
        if (divergence - radius).abs() <= CLOSE * radius {
            // It is convex in w, so that a plain step from either side lands beyond the edge: the
            // side of a larger ball, which costs evidence only.
            w = (w - (divergence - radius) / slope).clamp(0.0, 1.0);
            break;
        }
        let root = divergence.max(0.0).sqrt();
        w = (w - (root - radius.sqrt()) * 2.0 * root / slope).clamp(0.0, 1.0);
    }
    Some(p.iter().zip(&q).map(|(p, q)| (q / (p + w * (q - p))).ln()).collect())
}

/// Where the divergence would reach the radius if it ended with its fourth power of w: the root of
/// w^2 (S2 / 2 - w S3 / 3 + w^2 S4 / 4), S_k the sum of p ((q - p) / p)^k, by reversion of its own
/// root's series. Logarithms cost most here, and a start this near saves all but one round of them.
fn near_edge(p: &[f64], q: &[f64], radius: f64) -> f64 {
    let (mut second, mut third, mut fourth) = (0.0, 0.0, 0.0);
    for (p, q) in p.iter().zip(q) {
        let change = (q - p) / p;
        let square = p * change * change;
        second += square;
        third += square * change;
        fourth += square * change * change;
    }
    let first = (2.0 * radius / second).sqrt();
    let (a, b) = (third / second / 3.0, fourth / second / 4.0);
    let better = first * (1.0 + first * (a + first * (2.5 * a * a - b)));
    let guess = if better > 0.5 * first && better < 2.0 * first { better } else { first };
    if guess < 1.0 { guess } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [0, 1) that are the same in every run.
    fn random(seed: &mut u64) -> f64 {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1u64 << 53) as f64
    }

    fn law(seed: &mut u64, bins: usize, spread: f64) -> Vec<f64> {
        let weights: Vec<f64> = (0..bins).map(|_| (spread * random(seed)).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|w| w / total).collect()
    }

    fn divergence(p: &[f64], q: &[f64]) -> f64 {
        p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum()
    }

    /// Moves from p towards a law until the ball's edge.
    fn to_the_edge(p: &[f64], towards: &[f64], radius: f64) -> Vec<f64> {
        let mix =
            |w: f64| -> Vec<f64> { p.iter().zip(towards).map(|(p, t)| p + w * (t - p)).collect() };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if divergence(p, &mix(middle)) < radius { low = middle } else { high = middle }
        }
        mix(low)
    }

    #[test]
    fn no_law_of_the_ball_makes_a_bet_win_on_average() {
        let mut seed = 7;
        let (mut most, mut won) = (0.0f64, 0);
        for _ in 0..300 {
            let p = law(&mut seed, 16, 2.0);
            let q = law(&mut seed, 16, 3.0);
            let radius = 0.2 * random(&mut seed) * divergence(&p, &q);
            let ratios = ln_ratios(&p, &q, radius).unwrap();
            let mean =
                |law: &[f64]| -> f64 { law.iter().zip(&ratios).map(|(l, r)| l * r.exp()).sum() };
            for _ in 0..20 {
                let towards = law(&mut seed, 16, 4.0);
                most = most.max(mean(&to_the_edge(&p, &towards, radius)));
            }
            most = most.max(mean(&to_the_edge(&p, &q, radius))).max(mean(&p));
            won += usize::from(mean(&q) > 1.0);
        }
        assert!(most <= 1.0 + 1e-9, "{most}");
        assert!(most > 0.999, "the edge towards the bet is nearly fair: {most}");
        assert_eq!(won, 300, "outside of the ball a bet wins on average");
    }

    #[test]
    fn a_bet_within_the_ball_is_no_bet() {
        let (p, q) = ([0.5, 0.5], [0.55, 0.45]);
        let edge = divergence(&p, &q);
        assert!(ln_ratios(&p, &q, edge * 1.01).is_none());
        let barely = ln_ratios(&p, &q, edge * 0.99).unwrap();
        assert!(barely.iter().all(|r| r.abs() < 0.01), "{barely:?}");
        let extreme = ln_ratios(&[0.5, 0.5], &[1.0, 0.0], 0.001).unwrap();
        assert!(extreme.iter().all(|r| r.is_finite()));
    }
}
