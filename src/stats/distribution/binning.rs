//! The bins of binned statistics: edges at reference quantiles, one bin per category, one for
//! values without a number.

use crate::stats::law::Unseen;
use crate::stats::{CategoryProfile, Counts, NumericProfile, Pair, ParamError, Params, Profile};

/// Counts per bin of both sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    pub reference: Vec<u64>,
    pub window: Vec<u64>,
    labels: Vec<Label>,
    origins: Vec<Origin>,
}

/// Why a bin is one: what that says about its counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// Its limits were drawn without regard to single values.
    Free,
    /// A category, which is one because this part of the reference holds it.
    Named,
    /// Between two values of this very reference: its share of the source has the law Beta(count, rest).
    Cut,
    /// Above the last of them, with one more.
    CutAbove,
    /// Names that the reference never saw.
    New(Unseen),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Label {
    UpTo(f64),
    Above(f64),
    All,
    /// The category of this cell.
    Category(usize),
    New,
    Absent,
}

impl Label {
    fn text(self, profile: &Profile) -> String {
        match (self, profile) {
            (Label::UpTo(edge), _) => format!("<= {edge}"),
            (Label::Above(edge), _) => format!("> {edge}"),
            (Label::Category(cell), Profile::Category(profile)) => {
                profile.categories.get(cell).map_or(String::new(), |(name, _)| name.clone())
            }
            (Label::All | Label::Category(_), _) => "all".into(),
            (Label::New, _) => "new".into(),
            (Label::Absent, _) => "absent".into(),
        }
    }
}

/// Where the edges of a numeric feature lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edges {
    /// At i/n of the reference.
    Quantiles(u32),
    /// At fixed values.
    Fixed(Vec<f64>),
}

/// How a statistic makes its bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Binning {
    pub(super) edges: Edges,
    /// Added to every bin's count on both sides.
    pub(super) smoothing: f64,
}

/// PSI's.
impl Default for Binning {
    fn default() -> Binning {
        Binning { edges: Edges::Quantiles(10), smoothing: HALF }
    }
}

/// Half a count.
pub(super) const HALF: f64 = 0.5;

impl Edges {
    /// Takes the options `bins` and `edges`.
    pub(super) fn from_params(params: &mut Params) -> Result<Edges, ParamError> {
        match (params.whole("bins")?, params.numbers("edges")?) {
            (Some(_), Some(_)) => {
                Err(ParamError::new("edges", "stands instead of `bins`; give one of them"))
            }
            (None, Some(edges)) if edges.is_empty() || edges.windows(2).any(|w| w[0] >= w[1]) => {
                Err(ParamError::new("edges", "must be ascending numbers"))
            }
            (None, Some(edges)) => Ok(Edges::Fixed(edges)),
            (bins, None) => match bins.unwrap_or(10) {
                bins if bins >= 2 && 480 % bins == 0 => Ok(Edges::Quantiles(bins as u32)),
                bins => Err(ParamError::new("bins", format!("{bins} does not divide 480"))),
            },
        }
    }

    /// Whether the counts of a series know its bins: a reference that was built before somebody asked
    /// for an edge does not.
    pub(super) fn divide(&self, profile: &Profile) -> bool {
        match profile {
            Profile::Numeric(profile) => self.fixed().iter().all(|edge| profile.divides_at(*edge)),
            Profile::Category(_) => true,
        }
    }

    /// Edges that must be points of the grid.
    pub(super) fn fixed(&self) -> &[f64] {
        match self {
            Edges::Fixed(edges) => edges,
            Edges::Quantiles(_) => &[],
        }
    }
}

impl Bins {
    pub(super) fn of(pair: &Pair<'_>, edges: &Edges) -> Bins {
        let mut bins = match pair.profile {
            Profile::Numeric(profile) => numeric(profile, pair, edges),
            Profile::Category(profile) => categories(profile, pair),
        };
        let absent = (pair.reference.absences.total(), pair.window.absences.total());
        if absent != (0, 0) {
            bins.push(Label::Absent, Origin::Free, absent.0, absent.1);
        }
        bins
    }

    fn with_capacity(n: usize) -> Bins {
        Bins {
            reference: Vec::with_capacity(n),
            window: Vec::with_capacity(n),
            labels: Vec::with_capacity(n),
            origins: Vec::with_capacity(n),
        }
    }

    fn push(&mut self, label: Label, origin: Origin, reference: u64, window: u64) {
        self.labels.push(label);
        self.origins.push(origin);
        self.reference.push(reference);
        self.window.push(window);
    }

    /// Why each bin is one.
    pub(super) fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What the bins hold, in words.
    pub(super) fn labels<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = String> + 'a {
        self.labels.iter().map(|label| label.text(profile))
    }

    /// Other counts on the same cells, in these bins; those of a part of either side.
    pub(super) fn tally(&self, profile: &Profile, edges: &Edges, counts: &Counts) -> Vec<u64> {
        let at = |cell: usize| counts.cells.get(cell).copied().unwrap_or(0);
        let (ordered, known) = match profile {
            Profile::Numeric(profile) => {
                (sums(counts, &limits(profile, edges, profile.grid.len() * 2 + 1).1), 0)
            }
            Profile::Category(profile) => (Vec::new(), profile.categories.len()),
        };
        let count = |(bin, label): (usize, &Label)| match *label {
            Label::UpTo(_) | Label::Above(_) | Label::All => ordered.get(bin).copied().unwrap_or(0),
            Label::Category(cell) => at(cell),
            Label::New => at(known),
            Label::Absent => counts.absences.total(),
        };
        self.labels.iter().enumerate().map(count).collect()
    }
}

/// Grid places of the reference's quantiles at i/n, each the smallest value x with F(x) >= i/n,
/// without repeats.
pub(super) fn quantile_places(profile: &NumericProfile, n: u32) -> Vec<usize> {
    let total = profile.rows - profile.absences.total();
    let (bins, whole, rest) = (u64::from(n), total / u64::from(n), total % u64::from(n));
    let mut places: Vec<usize> = Vec::with_capacity(n as usize);
    if total == 0 {
        return places;
    }
    for i in 1..bins {
        // i/n of the total, rounded up.
        let wanted = i * whole + (i * rest).div_ceil(bins);
        let place = profile.at_or_below.partition_point(|count| *count < wanted);
        if place < profile.grid.len() && places.last() != Some(&place) {
            places.push(place);
        }
    }
    places
}

/// Cells where bins end that hold the values above the edge before them, up to their own edge.
pub(super) fn ends(places: impl Iterator<Item = usize>, cells: usize) -> Vec<usize> {
    places.map(|place| 2 * place + 2).chain([cells]).collect()
}

/// Counts of the cells from each end to the next.
pub(super) fn sums(counts: &Counts, ends: &[usize]) -> Vec<u64> {
    let mut from = 0;
    let sum = |&to: &usize| {
        let cells = counts.cells.get(from..to.min(counts.cells.len())).unwrap_or(&[]);
        from = to;
        cells.iter().sum()
    };
    ends.iter().map(sum).collect()
}

/// Edges, and the cells where their bins end.
fn limits(profile: &NumericProfile, edges: &Edges, cells: usize) -> (Vec<f64>, Vec<usize>) {
    match edges {
        Edges::Quantiles(n) => {
            let places = quantile_places(profile, *n);
            let edges = places.iter().map(|place| profile.grid[*place]).collect();
            (edges, ends(places.into_iter(), cells))
        }
        Edges::Fixed(edges) => {
            let edges: Vec<f64> = edges.iter().map(|edge| profile.dtype.round(*edge)).collect();
            let place = |edge: &f64| profile.grid.partition_point(|point| point < edge);
            let ends = ends(edges.iter().map(place), cells);
            (edges, ends)
        }
    }
}

fn numeric(profile: &NumericProfile, pair: &Pair<'_>, edges: &Edges) -> Bins {
    let quantiles = matches!(edges, Edges::Quantiles(_));
    let (edges, ends) = limits(profile, edges, pair.window.cells.len());
    let is_whole = pair.reference.counted + profile.absences.total() == profile.rows;
    let is_cut = quantiles && is_whole;
    // And one for rows without a value.
    let mut bins = Bins::with_capacity(ends.len() + 1);
    let both = sums(pair.reference, &ends).into_iter().zip(sums(pair.window, &ends));
    for (i, (reference, window)) in both.enumerate() {
        let label = match (edges.get(i), i.checked_sub(1).and_then(|j| edges.get(j))) {
            (Some(edge), _) => Label::UpTo(*edge),
            (None, Some(edge)) => Label::Above(*edge),
            (None, None) => Label::All,
        };
        let origin = match i == edges.len() {
            _ if !is_cut || reference == 0 => Origin::Free,
            true => Origin::CutAbove,
            false => Origin::Cut,
        };
        bins.push(label, origin, reference, window);
    }
    bins
}

fn categories(profile: &CategoryProfile, pair: &Pair<'_>) -> Bins {
    // And two for names that the reference never saw, and for rows without a value.
    let mut bins = Bins::with_capacity(profile.categories.len() + 2);
    let at = |counts: &Counts, cell: usize| counts.cells.get(cell).copied().unwrap_or(0);
    for (cell, (_, rows)) in profile.categories.iter().enumerate() {
        let reference = at(pair.reference, cell);
        let origin = if reference == *rows { Origin::Named } else { Origin::Free };
        bins.push(Label::Category(cell), origin, reference, at(pair.window, cell));
    }
    let other = profile.categories.len();
    let new = (at(pair.reference, other), at(pair.window, other));
    if new != (0, 0) {
        // A side that has such names is no reference that lacks them, but an earlier window.
        let origin = match new.0 {
            0 => Origin::New(Unseen::of(profile, pair.reference)),
            _ => Origin::Free,
        };
        bins.push(Label::New, origin, new.0, new.1);
    }
    bins
}
