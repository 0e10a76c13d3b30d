//! The segments of a model: which slice each row belongs to, capped per dimension.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::event::{Absent, Batch, Words};
use crate::lines::Segment;
use crate::plan::{ModelPlan, SeriesKind};
use crate::reference::segment_value;

/// Number of a segment within a model; [`WHOLE`] is the model itself.
pub(super) type SegmentIx = u32;

/// The whole model, not a slice.
pub(super) const WHOLE: SegmentIx = 0;

/// Value of the overflow bucket.
pub(super) const OTHER: &str = "other";

/// One slice.
#[derive(Debug, Clone)]
pub(super) struct SegmentEntry {
    /// Index into the model's dimensions; `usize::MAX` for the whole.
    pub dimension: usize,
    /// Its names and values.
    pub segment: Segment,
    /// The dimension's name and the value as a reference file writes them.
    pub reference_key: (String, String),
}

/// A dimension that the configuration no longer has.
const GONE: usize = usize::MAX - 1;

/// All slices seen so far, numbered in the order of first sight. Join entries hold numbers, so
/// the list is stored; panes and tracks are stored by name.
#[derive(Debug)]
pub(super) struct Segments {
    entries: Vec<SegmentEntry>,
    numbers: HashMap<(usize, Arc<str>), SegmentIx>,
    /// Slices per dimension, without the overflow bucket.
    sizes: Vec<usize>,
    /// Dimension names with their columns: positions among the category features.
    dimensions: Vec<(Vec<Arc<str>>, Vec<usize>)>,
    limit: usize,
    /// Dimensions whose overflow has been reported.
    overflowed: Vec<bool>,
}

impl Segments {
    pub(super) fn new(plan: &ModelPlan, limit: usize) -> Segments {
        let categories: Vec<&str> = plan
            .features
            .iter()
            .filter(|f| f.kind == SeriesKind::Category)
            .map(|f| f.name.as_str())
            .collect();
        let dimensions: Vec<_> = plan
            .dimensions
            .iter()
            .map(|names| {
                let columns = names
                    .iter()
                    .filter_map(|name| categories.iter().position(|c| c == name))
                    .collect();
                (names.iter().map(|n| Arc::from(n.as_str())).collect(), columns)
            })
            .collect();
        let whole = SegmentEntry {
            dimension: usize::MAX,
            segment: Segment::default(),
            reference_key: (String::new(), String::new()),
        };
        Segments {
            entries: vec![whole],
            numbers: HashMap::new(),
            sizes: vec![0; dimensions.len()],
            overflowed: vec![false; dimensions.len()],
            dimensions,
            limit,
        }
    }

    pub(super) fn entry(&self, segment: SegmentIx) -> &SegmentEntry {
        &self.entries[segment as usize]
    }

    /// A dimension as reference files name it.
    pub(super) fn name_of(&self, dimension: usize) -> String {
        self.dimensions[dimension].0.join(",")
    }

    /// Finds or makes the segment of these values; beyond the limit, the overflow bucket.
    pub(super) fn number(&mut self, dimension: usize, values: &[&str]) -> SegmentIx {
        let key: Arc<str> = segment_value(values).into();
        if let Some(&number) = self.numbers.get(&(dimension, key.clone())) {
            return number;
        }
        let overflow = vec![OTHER; values.len()];
        if self.sizes[dimension] >= self.limit && values != overflow {
            self.overflowed[dimension] = true;
            return self.number(dimension, &overflow);
        }
        if values != overflow {
            self.sizes[dimension] += 1;
        }
        self.insert(dimension, values, key)
    }

    /// All slices in the order of their numbers, for the store.
    pub(super) fn list(&self) -> Vec<Segment> {
        self.entries[1..].iter().map(|e| e.segment.clone()).collect()
    }

    /// Takes a stored list back, with the same numbers.
    pub(super) fn restore(&mut self, list: &[Segment]) {
        for segment in list {
            let Some(dimension) = self.dimension_of(segment) else {
                let reference_key = (String::new(), String::new());
                let segment = segment.clone();
                self.entries.push(SegmentEntry { dimension: GONE, segment, reference_key });
                continue;
            };
            let values: Vec<&str> = segment.0.iter().map(|(_, v)| v.as_ref()).collect();
            self.sizes[dimension] += usize::from(values.iter().any(|v| *v != OTHER));
            self.insert(dimension, &values, segment_value(&values).into());
        }
    }

    /// The number of a stored segment; `None` where its dimension is gone.
    pub(super) fn find(&self, segment: &Segment) -> Option<SegmentIx> {
        if segment.is_whole() {
            return Some(WHOLE);
        }
        let dimension = self.dimension_of(segment)?;
        let values: Vec<&str> = segment.0.iter().map(|(_, v)| v.as_ref()).collect();
        self.numbers.get(&(dimension, segment_value(&values).into())).copied()
    }

    /// Whether the configuration still has its dimension.
    pub(super) fn lives(&self, segment: SegmentIx) -> bool {
        self.entry(segment).dimension != GONE
    }

    fn dimension_of(&self, segment: &Segment) -> Option<usize> {
        self.dimensions.iter().position(|(names, _)| {
            names.len() == segment.0.len() && names.iter().zip(&segment.0).all(|(n, (m, _))| n == m)
        })
    }

    fn insert(&mut self, dimension: usize, values: &[&str], key: Arc<str>) -> SegmentIx {
        let names = &self.dimensions[dimension].0;
        let named = names.iter().zip(values).map(|(name, value)| (name.clone(), Arc::from(*value)));
        let segment = Segment(named.collect());
        let reference_key = (names.join(","), key.to_string());
        let number = self.entries.len() as SegmentIx;
        self.entries.push(SegmentEntry { dimension, segment, reference_key });
        self.numbers.insert((dimension, key), number);
        number
    }

    /// Dimensions that overflowed since the last call, for one warning each.
    pub(super) fn take_overflowed(&mut self) -> Vec<String> {
        let names = self.dimensions.iter().map(|(names, _)| names.join(","));
        let hit = names.zip(&self.overflowed).filter(|(_, hit)| **hit).map(|(name, _)| name);
        let hit = hit.collect();
        self.overflowed.fill(false);
        hit
    }

    /// The segments of every row of a batch, one column per dimension; `None` where a value is
    /// absent.
    pub(super) fn assign(&mut self, batch: &Batch) -> Vec<Vec<Option<SegmentIx>>> {
        (0..self.dimensions.len())
            .map(|dimension| {
                let columns = self.dimensions[dimension].1.clone();
                match columns.as_slice() {
                    [column] => self.assign_single(dimension, &batch.words[*column]),
                    columns => self.assign_crossed(dimension, columns, batch),
                }
            })
            .collect()
    }

    /// One lookup per distinct word, not per row.
    fn assign_single(&mut self, dimension: usize, column: &Words) -> Vec<Option<SegmentIx>> {
        let mut known: Vec<Option<SegmentIx>> = vec![None; column.list.len()];
        (0..column.places.len())
            .map(|row| {
                let place = column.place(row).ok()?;
                let slot = &mut known[place as usize];
                Some(match *slot {
                    Some(number) => number,
                    None => *slot.insert(self.number(dimension, &[column.list.word(place)])),
                })
            })
            .collect()
    }

    fn assign_crossed(
        &mut self,
        dimension: usize,
        columns: &[usize],
        batch: &Batch,
    ) -> Vec<Option<SegmentIx>> {
        let mut known: HashMap<Vec<u32>, SegmentIx> = HashMap::new();
        (0..batch.times.len())
            .map(|row| {
                let places: Result<Vec<u32>, Absent> =
                    columns.iter().map(|&c| batch.words[c].place(row)).collect();
                let places = places.ok()?;
                if let Some(&number) = known.get(&places) {
                    return Some(number);
                }
                let values: Vec<&str> = columns
                    .iter()
                    .zip(&places)
                    .map(|(&c, &place)| batch.words[c].list.word(place))
                    .collect();
                let number = self.number(dimension, &values);
                known.insert(places, number);
                Some(number)
            })
            .collect()
    }
}
