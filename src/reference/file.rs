//! The reference file: JSON in a stable order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::identity::id;
use super::slots::{parse_season, parse_slots, season_value, slots_value};
use super::{CreatedFrom, FORMAT, Reference, SegmentReference, calibration};
use crate::stats::{
    Absences, CategoryProfile, Counts, Dtype, LogHistogram, NumericProfile, Profile,
};

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// Something else, or from a newer driftd.
    #[error("it has format {0}, this driftd reads {FORMAT}; use a newer driftd or build it again")]
    Newer(u64),
    /// No `driftd_reference` in it.
    #[error(
        "it is not a reference file (driftd_reference is missing); `driftd reference build` makes one"
    )]
    Foreign,
    /// A part does not hold together.
    #[error("{place}: {why}; build the reference again")]
    Broken {
        /// Where.
        place: String,
        /// What.
        why: String,
    },
}

pub(super) fn broken(place: &str, why: impl Into<String>) -> ReferenceError {
    ReferenceError::Broken { place: place.to_owned(), why: why.into() }
}

impl Reference {
    /// The file's text, in a stable order.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut features = Map::new();
        let mut file = json!({
            "driftd_reference": FORMAT,
            "id": self.id,
            "model": self.model,
            "created_from": self.created_from,
        });
        for (name, profile) in &self.series {
            match name.strip_prefix("features.") {
                Some(feature) => {
                    features.insert(feature.to_owned(), profile_value(profile));
                }
                None => file[name] = profile_value(profile),
            }
        }
        file["features"] = Value::Object(features);
        if let Some(calibrator) = &self.calibration {
            file["calibration"] = calibration::value(calibrator);
        }
        file["performance"] = metrics_value(&self.performance);
        if let Some(errors) = &self.errors {
            file["errors"] = errors_value(errors);
        }
        file["segments"] = self.segments_value(metrics_value);
        if let Some(season) = &self.season {
            file["slots"] = season_value(season, &self.slots);
        }
        let mut text = serde_json::to_string(&file).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Recomputes the content hash.
    #[must_use]
    pub fn compute_id(&self) -> String {
        let ids: BTreeMap<&str, &str> =
            self.series.iter().map(|(name, profile)| (name.as_str(), profile.id())).collect();
        let mut content = json!({
            "series": ids,
            "performance": self.performance,
            "segments": self.segments_value(|metrics| json!(metrics)),
        });
        if let Some(season) = &self.season {
            content["slots"] = season_value(season, &self.slots);
        }
        if let Some(errors) = &self.errors {
            content["errors"] = errors_value(errors);
        }
        if let Some(calibrator) = &self.calibration {
            content["calibration"] = calibrator.id.as_str().into();
        }
        id(&content)
    }

    fn segments_value(&self, metrics: fn(&BTreeMap<String, f64>) -> Value) -> Value {
        let segment = |part: &SegmentReference| {
            let mut value = json!({ "rows": part.rows });
            by_series(&mut value, part.series.iter().map(|(name, c)| (name, counts_value(c))));
            value["performance"] = metrics(&part.performance);
            if let Some(errors) = &part.errors {
                value["errors"] = errors_value(errors);
            }
            if !part.slots.is_empty() {
                value["slots"] = slots_value(&part.slots);
            }
            value
        };
        let dimension = |values: &BTreeMap<String, SegmentReference>| {
            Value::Object(values.iter().map(|(v, part)| (v.clone(), segment(part))).collect())
        };
        Value::Object(
            self.segments.iter().map(|(d, values)| (d.clone(), dimension(values))).collect(),
        )
    }

    /// Reads a file's text and checks that it holds together.
    ///
    /// # Errors
    /// [`ReferenceError`]; a sentence that says where.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        let file: Value =
            serde_json::from_str(text).map_err(|error| ReferenceError::Json(error.to_string()))?;
        match file.get("driftd_reference").and_then(Value::as_u64) {
            None => return Err(ReferenceError::Foreign),
            Some(format) if format > u64::from(FORMAT) => {
                return Err(ReferenceError::Newer(format));
            }
            Some(_) => {}
        }
        let mut reference = Reference {
            id: text_at(&file, "id")?,
            model: text_at(&file, "model")?,
            created_from: file
                .get("created_from")
                .and_then(|v| serde_json::from_value::<CreatedFrom>(v.clone()).ok())
                .unwrap_or_default(),
            performance: metrics(file.get("performance"), "performance")?,
            errors: errors(file.get("errors"), "errors")?,
            ..Reference::default()
        };
        for (name, value) in object(file.get("features")) {
            let series = format!("features.{name}");
            let profile = parse_profile(value, &series)?;
            reference.series.insert(series, Arc::new(profile));
        }
        for series in ["prediction", "probability", "outcome"] {
            if let Some(value) = file.get(series) {
                let profile = parse_profile(value, series)?;
                reference.series.insert(series.to_owned(), Arc::new(profile));
            }
        }
        if let Some(slots) = file.get("slots") {
            let (season, slots) = parse_season(slots, &reference.series)?;
            (reference.season, reference.slots) = (Some(season), slots);
        }
        if let Some(value) = file.get("calibration") {
            let probability = reference.series.get("probability").map(Arc::as_ref);
            reference.calibration = Some(Arc::new(calibration::parse(value, probability)?));
        }
        for (dimension, values) in object(file.get("segments")) {
            for (value, part) in object(Some(values)) {
                let place = format!("segments.{dimension}.{value}");
                let part = parse_segment(part, &place, &reference)?;
                reference
                    .segments
                    .entry(dimension.clone())
                    .or_default()
                    .insert(value.clone(), part);
            }
        }
        if reference.compute_id() != reference.id {
            return Err(broken(
                "id",
                "it is not the hash of the content; the file was changed by hand",
            ));
        }
        Ok(reference)
    }
}

/// What is hashed of a profile, and what is written of it.
pub(super) fn profile_value(profile: &Profile) -> Value {
    match profile {
        Profile::Numeric(p) => json!({
            "id": p.id,
            "type": "numeric",
            "dtype": p.dtype,
            "rows": p.rows,
            "missing": p.absences.missing,
            "null": p.absences.null,
            "nan": p.absences.nan,
            "grid": p.grid.iter().map(|x| number(*x)).collect::<Vec<_>>(),
            "at_or_below": p.at_or_below,
            "below": p.below,
        }),
        Profile::Category(p) => {
            let categories: Map<String, Value> =
                p.categories.iter().map(|(name, n)| (name.clone(), (*n).into())).collect();
            json!({
                "id": p.id,
                "type": "category",
                "rows": p.rows,
                "missing": p.absences.missing,
                "null": p.absences.null,
                "nan": p.absences.nan,
                "categories": categories,
            })
        }
    }
}

/// The content hash of a profile.
pub(super) fn profile_id(profile: &Profile) -> String {
    let mut value = profile_value(profile);
    value["id"] = Value::Null;
    id(&value)
}

/// JSON has no infinity.
fn number(x: f64) -> Value {
    if x == f64::INFINITY {
        "inf".into()
    } else if x == f64::NEG_INFINITY {
        "-inf".into()
    } else {
        x.into()
    }
}

fn counts_value(counts: &Counts) -> Value {
    let codes: Vec<(usize, u64)> =
        counts.cells.iter().copied().enumerate().filter(|(_, n)| *n > 0).collect();
    json!({
        "missing": counts.absences.missing,
        "null": counts.absences.null,
        "nan": counts.absences.nan,
        "codes": codes,
    })
}

/// Writes a value per series: those of features in an object of their own.
pub(super) fn by_series<'a>(value: &mut Value, series: impl Iterator<Item = (&'a String, Value)>) {
    let mut features = Map::new();
    for (name, counted) in series {
        match name.strip_prefix("features.") {
            Some(feature) => {
                features.insert(feature.to_owned(), counted);
            }
            None => value[name] = counted,
        }
    }
    value["features"] = Value::Object(features);
}

/// Reads what [`by_series`] writes.
pub(super) fn series_in(value: &Value) -> impl Iterator<Item = (String, &Value)> {
    let features = object(value.get("features")).map(|(n, v)| (format!("features.{n}"), v));
    let others = ["prediction", "probability", "outcome"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), value.get(name)?)));
    features.chain(others)
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

pub(super) fn text_at(value: &Value, key: &str) -> Result<String, ReferenceError> {
    let text = value.get(key).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| broken(key, "a text is missing"))
}

pub(super) fn whole_at(value: &Value, key: &str, place: &str) -> Result<u64, ReferenceError> {
    let n = value.get(key).and_then(Value::as_u64);
    n.ok_or_else(|| broken(&format!("{place}.{key}"), "a whole number is missing"))
}

pub(super) fn wholes_at(value: &Value, key: &str, place: &str) -> Result<Vec<u64>, ReferenceError> {
    let list = value.get(key).and_then(Value::as_array);
    list.and_then(|list| list.iter().map(Value::as_u64).collect())
        .ok_or_else(|| broken(&format!("{place}.{key}"), "a list of whole numbers is missing"))
}

/// Metrics as the file writes them: `n` and `NAME.n` are counts. Ids are made of plain numbers.
fn metrics_value(metrics: &BTreeMap<String, f64>) -> Value {
    let mut value = json!(metrics);
    for (name, n) in metrics.iter().filter(|(name, _)| *name == "n" || name.ends_with(".n")) {
        value[name] = json!(*n as u64);
    }
    value
}

fn metrics(value: Option<&Value>, place: &str) -> Result<BTreeMap<String, f64>, ReferenceError> {
    object(value)
        .map(|(name, value)| {
            let x = value.as_f64().filter(|x| x.is_finite());
            x.map(|x| (name.clone(), x))
                .ok_or_else(|| broken(&format!("{place}.{name}"), "is not a number"))
        })
        .collect()
}

/// Counts of errors by place.
fn errors_value(errors: &LogHistogram) -> Value {
    json!(errors.places().into_iter().collect::<Vec<_>>())
}

fn errors(value: Option<&Value>, place: &str) -> Result<Option<LogHistogram>, ReferenceError> {
    let Some(value) = value else { return Ok(None) };
    let counts: Option<Vec<(i64, u32)>> = serde_json::from_value(value.clone()).ok();
    let counts = counts.ok_or_else(|| broken(place, "is no list of places and counts"))?;
    Ok(Some(LogHistogram::of_places(counts.into_iter().map(|(place, n)| (place, i64::from(n))))))
}

pub(super) fn absences(value: &Value, place: &str) -> Result<Absences, ReferenceError> {
    Ok(Absences {
        missing: whole_at(value, "missing", place)?,
        null: whole_at(value, "null", place)?,
        nan: whole_at(value, "nan", place)?,
    })
}

fn parse_profile(value: &Value, place: &str) -> Result<Profile, ReferenceError> {
    let stored = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows = whole_at(value, "rows", place)?;
    let absences = absences(value, place)?;
    if absences.total() > rows {
        return Err(broken(place, "more rows lack a value than there are rows"));
    }
    let profile = match value.get("type").and_then(Value::as_str) {
        Some("numeric") => parse_numeric(value, place, stored, rows, absences)?,
        Some("category") => {
            let mut categories = Vec::new();
            for (name, n) in object(value.get("categories")) {
                let n = n.as_u64().ok_or_else(|| broken(place, "a category has no count"))?;
                categories.push((name.clone(), n));
            }
            categories.sort();
            if categories.iter().map(|c| c.1).sum::<u64>() + absences.total() != rows {
                return Err(broken(place, "its categories do not add up to its rows"));
            }
            Profile::Category(CategoryProfile { id: stored, rows, absences, categories })
        }
        _ => return Err(broken(&format!("{place}.type"), "is neither numeric nor category")),
    };
    if profile_id(&profile) != profile.id() {
        return Err(broken(&format!("{place}.id"), "it is not the hash of the content"));
    }
    Ok(profile)
}

fn parse_numeric(
    value: &Value,
    place: &str,
    id: String,
    rows: u64,
    absences: Absences,
) -> Result<Profile, ReferenceError> {
    let dtype = match value.get("dtype").and_then(Value::as_str) {
        Some("f32") => Dtype::F32,
        _ => Dtype::F64,
    };
    let grid: Option<Vec<f64>> = value.get("grid").and_then(Value::as_array).and_then(|list| {
        list.iter()
            .map(|x| match x.as_str() {
                Some("inf") => Some(f64::INFINITY),
                Some("-inf") => Some(f64::NEG_INFINITY),
                Some(_) => None,
                None => x.as_f64(),
            })
            .collect()
    });
    let grid =
        grid.ok_or_else(|| broken(&format!("{place}.grid"), "a list of numbers is missing"))?;
    let at_or_below = wholes_at(value, "at_or_below", place)?;
    let below = wholes_at(value, "below", place)?;
    if grid.windows(2).any(|w| w[0] >= w[1]) {
        return Err(broken(&format!("{place}.grid"), "is not ascending"));
    }
    if at_or_below.len() != grid.len() || below.len() != grid.len() {
        return Err(broken(place, "grid, at_or_below and below differ in length"));
    }
    let counted = rows - absences.total();
    let mut before = 0;
    for (below, at_or_below) in below.iter().zip(&at_or_below) {
        if *below < before || at_or_below < below || *at_or_below > counted {
            return Err(broken(place, "its counts are not those of a distribution"));
        }
        before = *at_or_below;
    }
    Ok(Profile::Numeric(NumericProfile { id, dtype, rows, absences, grid, at_or_below, below }))
}

fn parse_segment(
    value: &Value,
    place: &str,
    whole: &Reference,
) -> Result<SegmentReference, ReferenceError> {
    let mut part = SegmentReference {
        rows: whole_at(value, "rows", place)?,
        performance: metrics(value.get("performance"), place)?,
        errors: errors(value.get("errors"), &format!("{place}.errors"))?,
        ..SegmentReference::default()
    };
    if let Some(season) = &whole.season {
        let place = format!("{place}.slots");
        part.slots = parse_slots(value.get("slots"), &place, season.rhythm(), &whole.series)?;
    }
    for (name, value) in series_in(value) {
        let place = format!("{place}.{name}");
        let profile = whole
            .series
            .get(&name)
            .ok_or_else(|| broken(&place, "the whole has no such series"))?;
        let mut counts = Counts::new(profile.cells());
        counts.absences = absences(value, &place)?;
        let codes: Vec<(usize, u64)> = value
            .get("codes")
            .and_then(|v| serde_json::from_value(v.clone()).ok())
            .ok_or_else(|| broken(&place, "codes are missing"))?;
        for (code, n) in codes {
            let cell = counts
                .cells
                .get_mut(code)
                .ok_or_else(|| broken(&place, "a code lies outside of the grid"))?;
            *cell += n;
            counts.counted += n;
        }
        part.series.insert(name, counts);
    }
    Ok(part)
}
