//! Isotonic regression of yes and no: the best function that never falls.

/// Rows with one probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::stats) struct Level {
    /// The probability.
    pub at: f64,
    /// Rows.
    pub rows: u64,
    /// Those of the positive class.
    pub positives: u64,
}

/// A function of the probability: straight between its points, constant beyond the outer ones.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::stats) struct Isotonic {
    points: Vec<(f64, f64)>,
}

/// Neighbouring levels with one share of positives.
struct Block {
    first: f64,
    last: f64,
    rows: u64,
    positives: u64,
}

impl Block {
    fn share(&self) -> f64 {
        self.positives as f64 / self.rows as f64
    }

    /// Whether its share of positives lies above that of the next one; exact.
    fn lies_above(&self, next: &Block) -> bool {
        let cross = |a: u64, b: u64| u128::from(a) * u128::from(b);
        cross(self.positives, next.rows) > cross(next.positives, self.rows)
    }
}

impl Isotonic {
    /// Fits levels that ascend by probability (pool adjacent violators: Ayer et al., Annals of
    /// Mathematical Statistics 26, 1955); those without rows play no part. `None` where no level
    /// has any.
    pub(in crate::stats) fn fit(levels: impl Iterator<Item = Level>) -> Option<Isotonic> {
        let mut blocks: Vec<Block> = Vec::new();
        for Level { at, rows, positives } in levels.filter(|level| level.rows > 0) {
            let mut block = Block { first: at, last: at, rows, positives };
            while let Some(before) = blocks.pop_if(|before| before.lies_above(&block)) {
                block.first = before.first;
                block.rows += before.rows;
                block.positives += before.positives;
            }
            blocks.push(block);
        }
        let ends = blocks.iter().flat_map(|b| [(b.first, b.share()), (b.last, b.share())]);
        let mut points: Vec<(f64, f64)> = ends.collect();
        points.dedup();
        (!points.is_empty()).then_some(Isotonic { points })
    }

    /// Its value, 0 to 1.
    pub(in crate::stats) fn at(&self, probability: f64) -> f64 {
        let right = self.points.partition_point(|(x, _)| *x < probability);
        let (Some(low), Some(high)) = (right.checked_sub(1), self.points.get(right)) else {
            let end = if right == 0 { self.points.first() } else { self.points.last() };
            return end.map_or(0.0, |(_, y)| *y);
        };
        let low = self.points[low];
        let share = (probability - low.0) / (high.0 - low.0);
        // Rounding must not lead beyond either end.
        (low.1 + share * (high.1 - low.1)).clamp(low.1, high.1)
    }
}
