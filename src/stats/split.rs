//! Why a mean has changed: which parts of the whole have grown, and which have changed within.
//!
//! With the shares a and b of a part on the side of the reference and of the window, and its means v
//! and w, the whole moves by sum (b - a) (v - V) + sum b (w - v): the mix, and the change within the
//! parts. V is the reference's whole; since shares sum to 1 it adds nothing, and has each part's
//! term say by how much it pulls the whole away. Rows of no part, and parts that the reference
//! lacks, have no v: what they add stands beside these two, so that all three are the change.
//! The decomposition is that of Kitagawa, Journal of the American Statistical Association 50 (1955).

/// A mean of one side, as the sum of something over `n` rows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// Rows, or pairs.
    pub n: f64,
    /// What they sum to.
    pub sum: f64,
}

impl Tally {
    /// A mean over so many rows.
    #[must_use]
    pub fn of(mean: f64, n: f64) -> Tally {
        Tally { n, sum: mean * n }
    }

    fn mean(self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }
}

/// Both sides of a part, or of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sides {
    /// Before.
    pub reference: Tally,
    /// Now.
    pub window: Tally,
}

/// What something adds to a change.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// By its share of the whole.
    pub mix: f64,
    /// By its own change.
    pub within: f64,
    /// By what cannot be told apart: rows of no part, and parts that the reference lacks.
    pub rest: f64,
}

impl Terms {
    /// All that it adds.
    #[must_use]
    pub fn sum(self) -> f64 {
        self.mix + self.within + self.rest
    }

    fn add(&mut self, other: Terms, weight: f64) {
        self.mix += weight * other.mix;
        self.within += weight * other.within;
        self.rest += weight * other.rest;
    }
}

/// One part.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// Share of the reference's rows.
    pub reference_share: f64,
    /// Share of the window's rows.
    pub window_share: f64,
    /// Its mean in the reference and in the window, where the change is one of a single mean.
    pub means: (Option<f64>, Option<f64>),
    /// What it adds.
    pub terms: Terms,
}

/// A change and what it is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Split {
    /// Window minus reference.
    pub change: f64,
    /// The sum over the parts and over the rows of none: equal to the change.
    pub terms: Terms,
    /// The parts, as they were given.
    pub parts: Vec<Part>,
}

impl Split {
    /// Splits the change of a mean; `None` where a side is empty.
    #[must_use]
    pub fn of(whole: Sides, parts: &[Sides]) -> Option<Split> {
        let (before, now) = (whole.reference.mean()?, whole.window.mean()?);
        let (m, n) = (whole.reference.n, whole.window.n);
        // What a tally adds to its side's distance from the reference's mean.
        let pull = |tally: Tally, rows: f64| (tally.sum - tally.n * before) / rows;
        let mut left = whole;
        let mut split = Split { change: now - before, ..Split::default() };
        for part in parts {
            for (left, part) in
                [(&mut left.reference, part.reference), (&mut left.window, part.window)]
            {
                left.n -= part.n;
                left.sum -= part.sum;
            }
            let (a, b) = (part.reference.n / m, part.window.n / n);
            let means = (part.reference.mean(), part.window.mean());
            let terms = match means.0 {
                Some(mean) => Terms {
                    mix: (b - a) * (mean - before),
                    within: part.window.sum / n - b * mean,
                    rest: 0.0,
                },
                None => Terms { rest: pull(part.window, n), ..Terms::default() },
            };
            split.terms.add(terms, 1.0);
            split.parts.push(Part { reference_share: a, window_share: b, means, terms });
        }
        split.terms.rest += pull(left.window, n) - pull(left.reference, m);
        Some(split)
    }

    /// The split of a weighted sum of changes of the same parts, without their shares.
    #[must_use]
    pub fn weighted(splits: impl IntoIterator<Item = (f64, Split)>) -> Split {
        let mut total = Split::default();
        for (weight, split) in splits {
            total.change += weight * split.change;
            total.terms.add(split.terms, weight);
            total.parts.resize(split.parts.len(), Part::default());
            for (sum, part) in total.parts.iter_mut().zip(&split.parts) {
                sum.terms.add(part.terms, weight);
            }
        }
        total
    }
}
