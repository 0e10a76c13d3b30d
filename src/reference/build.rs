//! A reference out of rows: grids, counts, metrics, segments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::file::profile_id;
use super::{
    CreatedFrom, Reference, SegmentReference, SlotCounts, SlotPart, Slots, calibration,
    segment_value,
};
use crate::event::{Absent, Batch, Numbers, Season, Slot, Values, Words};
use crate::stats::{
    Absences, Calibrator, CategoryProfile, Counts, Dtype, Extra, LogHistogram, NumericProfile,
    Observation, Params, Performance, Profile, STATISTICS, Sample, SeriesKind, Statistic, Task,
};

/// At most so many distinct values are kept whole; more are compressed to quantiles.
const MOST_WHOLE: usize = 1000;
/// Quantile points at j/480: every usual number of bins divides 480.
const QUANTILES: usize = 480;

/// What is built: follows from the model's plan.
#[derive(Debug, Clone, Default)]
pub struct BuildSpec {
    /// Model.
    pub model: String,
    /// Features by name, in the plan's order.
    pub features: Vec<(String, SeriesKind)>,
    /// Kind of the prediction, where configured.
    pub prediction: Option<SeriesKind>,
    /// Kind of the outcome, where configured.
    pub outcome: Option<SeriesKind>,
    /// Task, for the metrics.
    pub task: Option<Task>,
    /// Texts that mean the positive class.
    pub positive: Vec<String>,
    /// Makes a prediction out of a probability.
    pub threshold: Option<f64>,
    /// Classes in the order of the probability columns.
    pub classes: Vec<String>,
    /// Metrics that some monitor computes with options of its own; the usual ones need no mention.
    pub metrics: Vec<Arc<dyn Statistic>>,
    /// Dimensions of segments.
    pub dimensions: Vec<Vec<String>>,
    /// Series whose segments are judged.
    pub segment_series: BTreeSet<String>,
    /// Season that rows are counted by, beside the whole; rows then need their time.
    pub season: Option<Season>,
    /// Series that are judged by it.
    pub slot_series: BTreeSet<String>,
    /// Values that must be grid points, by series.
    pub edges: BTreeMap<String, Vec<f64>>,
    /// Categories that a feature may have.
    pub most_categories: usize,
}

/// Why no reference can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A category feature that is none.
    #[error(
        "{series} has more than {most} distinct values; declare it numeric, leave it out, or raise \
         limits.categories"
    )]
    Categories {
        /// Which.
        series: String,
        /// The limit.
        most: usize,
    },
}

/// One column, row by row.
#[derive(Debug)]
enum Column {
    Numbers { values: Vec<f64>, absent: Vec<(u32, Absent)>, dtype: Dtype },
    Words { places: Vec<Result<u32, Absent>>, names: Vec<String>, numbers: BTreeMap<String, u32> },
}

/// Takes rows, makes a reference.
#[derive(Debug)]
pub struct Builder {
    spec: BuildSpec,
    columns: BTreeMap<String, Column>,
    /// Further probability columns of several classes; not series.
    probabilities: Vec<Vec<f64>>,
    /// Slot of each row, where there is a season.
    slots: Vec<Slot>,
    rows: usize,
}

impl Builder {
    /// A builder without rows.
    #[must_use]
    pub fn new(spec: BuildSpec) -> Builder {
        Builder {
            spec,
            columns: BTreeMap::new(),
            probabilities: Vec::new(),
            slots: Vec::new(),
            rows: 0,
        }
    }

    /// Takes a batch of prediction rows, with their outcomes where the file has them.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn observe(&mut self, batch: &Batch) -> Result<(), BuildError> {
        let (mut number, mut word) = (0, 0);
        for (name, kind) in self.spec.features.clone() {
            let series = format!("features.{name}");
            match kind {
                SeriesKind::Numeric(dtype) => {
                    self.numbers(&series, &batch.numbers[number], dtype);
                    number += 1;
                }
                SeriesKind::Category => {
                    self.words(&series, &batch.words[word])?;
                    word += 1;
                }
            }
        }
        for (series, values) in [("prediction", &batch.prediction), ("outcome", &batch.outcome)] {
            match values {
                Some(Values::Numbers(column)) => self.numbers(series, column, Dtype::F64),
                Some(Values::Words(column)) => self.words(series, column)?,
                None => {}
            }
        }
        if let [only] = batch.probabilities.as_slice() {
            self.numbers("probability", only, Dtype::F64);
        }
        self.probabilities.resize(batch.probabilities.len(), Vec::new());
        for (kept, column) in self.probabilities.iter_mut().zip(&batch.probabilities) {
            kept.extend(&column.values);
        }
        if let Some(season) = &self.spec.season {
            self.slots.extend(batch.times.iter().map(|time| season.slot(*time)));
        }
        self.rows += batch.times.len();
        Ok(())
    }

    fn numbers(&mut self, series: &str, column: &Numbers, dtype: Dtype) {
        let before = self.rows as u32;
        let empty = || Column::Numbers { values: Vec::new(), absent: Vec::new(), dtype };
        let kept = self.columns.entry(series.to_owned()).or_insert_with(empty);
        if let Column::Numbers { values, absent, .. } = kept {
            values.extend(&column.values);
            absent.extend(column.absent.iter().map(|(row, why)| (before + row, *why)));
        }
    }

    fn words(&mut self, series: &str, column: &Words) -> Result<(), BuildError> {
        let most = self.spec.most_categories;
        let empty =
            || Column::Words { places: Vec::new(), names: Vec::new(), numbers: BTreeMap::new() };
        let kept = self.columns.entry(series.to_owned()).or_insert_with(empty);
        let Column::Words { places, names, numbers } = kept else { return Ok(()) };
        let known: Vec<u32> = column
            .list
            .iter()
            .map(|word| {
                *numbers.entry(word.to_owned()).or_insert_with(|| {
                    names.push(word.to_owned());
                    names.len() as u32 - 1
                })
            })
            .collect();
        if names.len() > most && series.starts_with("features.") {
            return Err(BuildError::Categories { series: series.to_owned(), most });
        }
        places.extend(
            (0..column.places.len()).map(|row| column.place(row).map(|p| known[p as usize])),
        );
        Ok(())
    }

    /// Series in which more than 5 % of the rows hold something of another type, and how many do: a
    /// window with so many would not be judged.
    #[must_use]
    pub fn of_wrong_type(&self) -> Vec<(&str, usize)> {
        let wrong = |column: &Column| match column {
            Column::Numbers { absent, .. } => {
                absent.iter().filter(|(_, why)| *why == Absent::BadType).count()
            }
            Column::Words { places, .. } => {
                places.iter().filter(|place| **place == Err(Absent::BadType)).count()
            }
        };
        let counted = self.columns.iter().map(|(series, column)| (series.as_str(), wrong(column)));
        counted.filter(|(_, wrong)| 20 * wrong > self.rows).collect()
    }

    /// The reference of all rows.
    #[must_use]
    pub fn finish(self, created_from: CreatedFrom) -> Reference {
        let mut reference =
            Reference { model: self.spec.model.clone(), created_from, ..Reference::default() };
        (reference.performance, reference.errors) = self.performance(|_| true);
        for (series, column) in &self.columns {
            let edges = self.spec.edges.get(series).map_or(&[][..], Vec::as_slice);
            let mut profile = match column {
                Column::Numbers { values, absent, dtype } => {
                    Profile::Numeric(numeric(values, absent, *dtype, edges))
                }
                Column::Words { places, names, .. } => Profile::Category(category(places, names)),
            };
            let id = profile_id(&profile);
            match &mut profile {
                Profile::Numeric(p) => p.id = id,
                Profile::Category(p) => p.id = id,
            }
            reference.series.insert(series.clone(), Arc::new(profile));
        }
        reference.season.clone_from(&self.spec.season);
        reference.slots = self.by_slot(0..self.rows, &self.spec.slot_series, &reference.series);
        reference.calibration = self.calibration(&reference.series).map(Arc::new);
        for dimension in &self.spec.dimensions {
            let parts = self.segments(dimension, &reference.series);
            if !parts.is_empty() {
                reference.segments.insert(dimension.join(","), parts);
            }
        }
        reference.id = reference.compute_id();
        reference
    }

    /// What the probabilities of the rows with an outcome were worth.
    fn calibration(&self, profiles: &BTreeMap<String, Arc<Profile>>) -> Option<Calibrator> {
        let profile =
            profiles.get("probability").filter(|_| self.spec.task == Some(Task::Binary))?;
        let pair = |row| {
            let outcome = self.word("outcome", row)?;
            Some((self.number("probability", row)?, self.is_positive(outcome)))
        };
        calibration::fit(profile, (0..self.rows).filter_map(pair).collect())
    }

    fn is_positive(&self, class: &str) -> bool {
        self.spec.positive.iter().any(|positive| positive == class)
    }

    /// Every segment of a dimension, on the grids of the whole.
    fn segments(
        &self,
        dimension: &[String],
        profiles: &BTreeMap<String, Arc<Profile>>,
    ) -> BTreeMap<String, SegmentReference> {
        let mut rows: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for row in 0..self.rows {
            let values: Option<Vec<&str>> =
                dimension.iter().map(|name| self.word(&format!("features.{name}"), row)).collect();
            if let Some(values) = values {
                rows.entry(segment_value(&values)).or_default().push(row);
            }
        }
        let both = self.spec.slot_series.intersection(&self.spec.segment_series);
        let slot_series: BTreeSet<String> = both.cloned().collect();
        let part = |rows: Vec<usize>| {
            let mut part = SegmentReference { rows: rows.len() as u64, ..Default::default() };
            for series in &self.spec.segment_series {
                if let (Some(column), Some(profile)) =
                    (self.columns.get(series), profiles.get(series))
                {
                    part.series.insert(series.clone(), count(column, profile, &rows));
                }
            }
            part.slots = self.by_slot(rows.iter().copied(), &slot_series, profiles);
            let members: BTreeSet<usize> = rows.into_iter().collect();
            (part.performance, part.errors) = self.performance(|row| members.contains(&row));
            part
        };
        rows.into_iter().map(|(value, rows)| (value, part(rows))).collect()
    }

    /// Rows by slot, on the grids of the whole; nothing without a season.
    fn by_slot(
        &self,
        rows: impl Iterator<Item = usize>,
        series: &BTreeSet<String>,
        profiles: &BTreeMap<String, Arc<Profile>>,
    ) -> Slots {
        let mut by_slot: BTreeMap<Slot, Vec<usize>> = BTreeMap::new();
        for row in rows {
            if let Some(slot) = self.slots.get(row) {
                by_slot.entry(*slot).or_default().push(row);
            }
        }
        let part = |rows: &[usize]| {
            let counted = series.iter().filter_map(|name| {
                let (column, profile) = self.columns.get(name).zip(profiles.get(name))?;
                Some((name.clone(), SlotCounts::from(&count(column, profile, rows))))
            });
            SlotPart { rows: rows.len() as u64, series: counted.collect() }
        };
        by_slot.iter().map(|(slot, rows)| (*slot, part(rows))).collect()
    }

    fn word(&self, series: &str, row: usize) -> Option<&str> {
        match self.columns.get(series)? {
            Column::Words { places, names, .. } => {
                places[row].ok().map(|place| names[place as usize].as_str())
            }
            Column::Numbers { .. } => None,
        }
    }

    fn number(&self, series: &str, row: usize) -> Option<f64> {
        match self.columns.get(series)? {
            Column::Numbers { values, .. } => Some(values[row]).filter(|v| !v.is_nan()),
            Column::Words { .. } => None,
        }
    }

    /// Every metric of the task over the wanted rows that have an outcome; `n` counts them, and
    /// `NAME.n` those that a metric is of, where it leaves some out and a floor or a mean hangs on it.
    /// The errors themselves are kept where a monitor compares them.
    fn performance(
        &self,
        wanted: impl Fn(usize) -> bool,
    ) -> (BTreeMap<String, f64>, Option<LogHistogram>) {
        let mut metrics = BTreeMap::new();
        let Some(task) = self.spec.task else { return (metrics, None) };
        let mut sums = Performance::empty(task, &Extra::ALL);
        for row in (0..self.rows).filter(|row| wanted(*row)) {
            self.show(task, row, &mut sums);
        }
        if sums.n() <= 0 {
            return (metrics, None);
        }
        metrics.insert("n".to_owned(), sums.n() as f64);
        let sample = Sample { performance: Some(&sums), ..Sample::default() };
        let usual = STATISTICS.iter().filter_map(|k| (k.build)(&mut Params::default()).ok());
        for statistic in usual.chain(self.spec.metrics.iter().cloned()) {
            if statistic.tasks().contains(&task)
                && let Ok(score) = statistic.on_reference(&sample)
            {
                metrics.insert(statistic.label(), score.value);
                let weighs = statistic.mean_of().is_some() || statistic.kind().floor;
                if weighs && score.support as i64 != sums.n() {
                    metrics.insert(format!("{}.n", statistic.label()), score.support as f64);
                }
            }
        }
        let errors = match sums {
            Performance::Regression(sums) => sums.errors,
            _ => None,
        };
        (metrics, errors.filter(|_| self.spec.metrics.iter().any(|m| m.compares_errors())))
    }

    fn show(&self, task: Task, row: usize, sums: &mut Performance) {
        match task {
            Task::Regression => {
                let pair = (self.number("prediction", row), self.number("outcome", row));
                if let (Some(prediction), Some(outcome)) = pair {
                    sums.observe(&Observation::Regression { prediction, outcome }, 1);
                }
            }
            Task::Binary => {
                let Some(outcome) = self.word("outcome", row) else { return };
                let probability = self.number("probability", row);
                let predicted =
                    self.word("prediction", row).map(|word| self.is_positive(word)).or_else(|| {
                        self.spec.threshold.zip(probability).map(|(threshold, p)| p >= threshold)
                    });
                let outcome = self.is_positive(outcome);
                sums.observe(&Observation::Binary { predicted, probability, outcome }, 1);
            }
            Task::Multiclass => {
                let Some(outcome) = self.word("outcome", row) else { return };
                let given: Vec<f64> = self.probabilities.iter().map(|column| column[row]).collect();
                let pair = Observation::Multiclass {
                    predicted: self.word("prediction", row),
                    classes: &self.spec.classes,
                    probabilities: &given,
                    outcome,
                };
                sums.observe(&pair, 1);
            }
        }
    }
}

fn tally(absent: impl Iterator<Item = Absent>) -> Absences {
    let mut absences = Absences::default();
    for why in absent {
        match why {
            Absent::Missing | Absent::BadType => absences.missing += 1,
            Absent::Null => absences.null += 1,
            Absent::Nan => absences.nan += 1,
        }
    }
    absences
}

fn numeric(
    values: &[f64],
    absent: &[(u32, Absent)],
    dtype: Dtype,
    edges: &[f64],
) -> NumericProfile {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut grid = sorted.clone();
    grid.dedup();
    if grid.len() > MOST_WHOLE {
        let n = sorted.len();
        // The smallest x with F(x) >= j/480.
        let quantile = |j: usize| sorted[(j * n).div_ceil(QUANTILES) - 1];
        grid = (1..QUANTILES).map(quantile).chain([sorted[0], sorted[n - 1]]).collect();
    }
    grid.extend(edges.iter().map(|edge| dtype.round(*edge) + 0.0));
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    NumericProfile {
        id: String::new(),
        dtype,
        rows: values.len() as u64,
        absences: tally(absent.iter().map(|(_, why)| *why)),
        at_or_below: grid.iter().map(|g| sorted.partition_point(|x| x <= g) as u64).collect(),
        below: grid.iter().map(|g| sorted.partition_point(|x| x < g) as u64).collect(),
        grid,
    }
}

fn category(places: &[Result<u32, Absent>], names: &[String]) -> CategoryProfile {
    let mut counts = vec![0u64; names.len()];
    for place in places.iter().flatten() {
        counts[*place as usize] += 1;
    }
    let mut categories: Vec<(String, u64)> = names.iter().cloned().zip(counts).collect();
    categories.sort();
    CategoryProfile {
        id: String::new(),
        rows: places.len() as u64,
        absences: tally(places.iter().filter_map(|p| p.err())),
        categories,
    }
}

fn count(column: &Column, profile: &Profile, rows: &[usize]) -> Counts {
    let mut counts = Counts::new(profile.cells());
    let mut absent = Vec::new();
    for &row in rows {
        let cell = match (column, profile) {
            (Column::Numbers { values, absent: why, .. }, Profile::Numeric(profile)) => {
                if values[row].is_nan() {
                    let place = why.binary_search_by_key(&(row as u32), |(r, _)| *r);
                    absent.push(place.map_or(Absent::Nan, |place| why[place].1));
                    continue;
                }
                profile.code(values[row]) as usize
            }
            (Column::Words { places, names, .. }, Profile::Category(profile)) => {
                match places[row] {
                    Ok(place) => profile.cell(&names[place as usize]),
                    Err(why) => {
                        absent.push(why);
                        continue;
                    }
                }
            }
            _ => continue,
        };
        counts.cells[cell] += 1;
        counts.counted += 1;
    }
    counts.absences = tally(absent.into_iter());
    counts
}
