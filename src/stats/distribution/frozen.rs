//! Bins that stay the same for every window.

use super::binning::{ends, quantile_places, sums};
use crate::stats::{CategoryProfile, Counts, Pair, Profile};

/// Counts of both sides on bins that the reference alone decides, so that any two windows have the
/// same ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenBins {
    /// Counts of the reference; of categories with rare ones among them those of half of its rows.
    pub reference: Vec<u64>,
    /// Counts of the window.
    pub window: Vec<u64>,
    /// The first so many bins stand in the order of their values (numbers); the others are
    /// categories, names that the reference never saw, and rows without a value.
    pub ordered: usize,
}

impl FrozenBins {
    /// Numbers: `n` bins at quantiles of the reference (repeats collapsed), and one for rows without
    /// a value. Categories: those of at least half an even share of `n` bins alone, the others in
    /// groups of at least an even share in the order of their names, then names that the reference
    /// never saw, and rows without a value. Bins may be empty on both sides.
    ///
    /// Where there are rare names, one half of a reference's rows says which there are and how they
    /// stand together, the other how frequent they are. So no bin is chosen because its count came out large, names that
    /// the first half lacks are as frequent in the second as in a window, and the counts are as good
    /// as any other sample's of their size.
    #[must_use]
    pub fn of(pair: &Pair<'_>, n: u32) -> FrozenBins {
        match pair.profile {
            Profile::Numeric(profile) => {
                let places = quantile_places(profile, n).into_iter();
                let ends = ends(places, pair.window.cells.len());
                let (reference, window) = (sums(pair.reference, &ends), sums(pair.window, &ends));
                let mut bins = FrozenBins { ordered: ends.len(), reference, window };
                bins.push(pair.reference.absences.total(), pair.window.absences.total());
                bins
            }
            Profile::Category(profile) => {
                let half = Half::of(profile);
                let mut bins = grouped(profile, pair, n, half);
                let absent = half.some(pair.reference.absences.total());
                bins.push(absent, pair.window.absences.total());
                bins
            }
        }
    }

    fn push(&mut self, reference: u64, window: u64) {
        self.reference.push(reference);
        self.window.push(window);
    }
}

fn grouped(profile: &CategoryProfile, pair: &Pair<'_>, n: u32, half: Half) -> FrozenBins {
    let of = |counts: &Counts, cell: usize| counts.cells.get(cell).copied().unwrap_or(0);
    let naming = |cell: usize, rows: u64| match half {
        Half::All => rows,
        Half::One => rows - counting(cell, rows),
    };
    let categories = || profile.categories.iter().enumerate();
    let total: u128 = categories().map(|(cell, (_, rows))| u128::from(naming(cell, *rows))).sum();
    let share = |rows: u64| u128::from(rows) * u128::from(n);
    let mut bins = FrozenBins { reference: Vec::new(), window: Vec::new(), ordered: 0 };
    let (mut group, mut size, mut is_open, mut new) = ((0, 0), 0, false, (0, 0));
    for (cell, (_, rows)) in categories() {
        let counted = match half {
            Half::All => of(pair.reference, cell),
            Half::One => counting(cell, of(pair.reference, cell)),
        };
        let here = (counted, of(pair.window, cell));
        let named = naming(cell, *rows);
        if named == 0 {
            new = (new.0 + here.0, new.1 + here.1);
        } else if 2 * share(named) >= total {
            bins.push(here.0, here.1);
        } else {
            group = (group.0 + here.0, group.1 + here.1);
            is_open = true;
            // As many rows of the other half have such names as this one has of those it holds again
            // (Good, Biometrika 40, 1953).
            size += if named > 1 { named } else { 0 };
            if share(size) >= total {
                bins.push(group.0, group.1);
                (group, size, is_open) = ((0, 0), 0, false);
            }
        }
    }
    if is_open {
        bins.push(group.0, group.1);
    }
    let other = profile.categories.len();
    bins.push(half.some(of(pair.reference, other)) + new.0, of(pair.window, other) + new.1);
    bins
}

/// Which rows of a reference say how frequent its names are.
#[derive(Debug, Clone, Copy)]
enum Half {
    /// All of them: every name is frequent, so that chance decides neither which there are nor where
    /// they stand.
    All,
    /// Half of them.
    One,
}

impl Half {
    fn of(profile: &CategoryProfile) -> Half {
        let frequent = profile.categories.iter().all(|(_, rows)| *rows >= FREQUENT);
        if frequent { Half::All } else { Half::One }
    }

    fn some(self, rows: u64) -> u64 {
        match self {
            Half::All => rows,
            Half::One => rows / 2,
        }
    }
}

/// Rows from which on a name is not rare.
const FREQUENT: u64 = 64;

/// How many of the first `rows` rows of a category are in the half that counts: each by a coin of its
/// own, so that both halves are samples, and from there on every other one, which differs less than
/// coins would. A part of the rows has its part of the half.
fn counting(cell: usize, rows: u64) -> u64 {
    match rows {
        0..FREQUENT => u64::from((coins(cell) & ((1 << rows) - 1)).count_ones()),
        _ => rows / 2,
    }
}

/// 64 coins: splitmix64 (Steele, Lea & Flood, OOPSLA 2014).
fn coins(cell: usize) -> u64 {
    let mut z = (cell as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Absences;

    #[test]
    fn categories_keep_the_frequent_ones_apart() {
        let names = [("a", 70), ("b", 800), ("c", 1), ("d", 1), ("e", 66), ("f", 320)];
        let profile = Profile::Category(CategoryProfile {
            id: "id".into(),
            rows: 1_258,
            absences: Absences::default(),
            categories: names.map(|(name, n)| (name.to_owned(), n)).into(),
        });
        let window = Counts {
            cells: vec![1, 2, 3, 4, 5, 6, 7],
            counted: 28,
            absences: Absences { missing: 2, ..Absences::default() },
            ..Counts::default()
        };
        let reference = profile.whole();
        let pair = Pair { profile: &profile, reference: &reference, window: &window };
        // An even share is 157 rows of a half: b and f stand alone, the others do not fill a group. The
        // row of c is in the half that counts, so that the name is new; that of d is in the other.
        assert_eq!((counting(2, 1), counting(3, 1)), (1, 0));
        let bins = FrozenBins::of(&pair, 4);
        assert_eq!(bins.reference, [400, 160, 68, 1, 0]);
        assert_eq!(bins.window, [2, 6, 10, 10, 2]);
        assert_eq!(bins.ordered, 0);
        // At 40 bins 16 rows are an even share.
        assert_eq!(FrozenBins::of(&pair, 40).reference, [35, 400, 33, 160, 0, 1, 0]);
    }

    #[test]
    fn frequent_names_are_counted_whole() {
        let profile = Profile::Category(CategoryProfile {
            id: "id".into(),
            rows: 1_000,
            absences: Absences { missing: 9, ..Absences::default() },
            categories: [("a", 64), ("b", 927)].map(|(name, n)| (name.to_owned(), n)).into(),
        });
        let reference = profile.whole();
        let pair = Pair { profile: &profile, reference: &reference, window: &reference };
        let bins = FrozenBins::of(&pair, 16);
        assert_eq!(bins.reference, [64, 927, 0, 9]);
        assert_eq!(bins.window, bins.reference);
    }

    #[test]
    fn both_halves_are_samples_and_a_part_has_its_part() {
        let heads: u64 = (0..2_000).map(|cell| counting(cell, 40)).sum();
        // 80,000 coins have a standard deviation of 141.
        assert!(heads.abs_diff(40_000) < 500, "{heads}");
        for cell in 0..200 {
            for rows in 1..100 {
                let more =
                    counting(cell, rows) - counting(cell, rows - 1).min(counting(cell, rows));
                assert!(more <= 1 || rows == 64, "{cell} {rows}");
            }
        }
    }
}
