//! References: what a model is judged against. STOPGAP

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::event::{Batch, Numbers, Values, Words};
use crate::stats::{
    Absences, CategoryProfile, Counts, Dtype, NumericProfile, Profile, SeriesKind, Task,
};

/// r
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// id
    pub id: String,
    /// model
    pub model: String,
    /// from
    pub created_from: CreatedFrom,
    /// series
    pub series: BTreeMap<String, Arc<Profile>>,
    /// performance
    pub performance: BTreeMap<String, f64>,
    /// segments
    pub segments: BTreeMap<String, BTreeMap<String, SegmentReference>>,
}
/// part
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentReference {
    /// rows
    pub rows: u64,
    /// series
    pub series: BTreeMap<String, Counts>,
    /// perf
    pub performance: BTreeMap<String, f64>,
}
/// from
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CreatedFrom {
    /// f
    pub files: Vec<String>,
    /// r
    pub rows: u64,
    /// s
    pub sha256: String,
}
/// spec
#[derive(Debug, Clone)]
pub struct BuildSpec {
    /// m
    pub model: String,
    /// f
    pub features: Vec<(String, SeriesKind)>,
    /// p
    pub prediction: Option<SeriesKind>,
    /// o
    pub outcome: Option<SeriesKind>,
    /// t
    pub task: Option<Task>,
    /// p
    pub positive: Vec<String>,
    /// t
    pub threshold: Option<f64>,
    /// c
    pub classes: Vec<String>,
    /// d
    pub dimensions: Vec<Vec<String>>,
    /// s
    pub segment_series: BTreeSet<String>,
    /// e
    pub edges: BTreeMap<String, Vec<f64>>,
}
/// key
#[must_use]
pub fn segment_value(values: &[&str]) -> String {
    let escaped: Vec<String> =
        values.iter().map(|v| v.replace('\\', "\\\\").replace(',', "\\,")).collect();
    escaped.join(",")
}
/// e
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReferenceError(String);

/// b
#[derive(Debug)]
pub struct Builder {
    spec: BuildSpec,
    numbers: BTreeMap<String, (Vec<f64>, Absences)>,
    words: BTreeMap<String, (BTreeMap<String, u64>, Absences)>,
    rows: u64,
}
impl Builder {
    /// n
    #[must_use]
    pub fn new(spec: BuildSpec) -> Builder {
        Builder { spec, numbers: BTreeMap::new(), words: BTreeMap::new(), rows: 0 }
    }
    fn num(&mut self, name: &str, c: &Numbers) {
        let e = self.numbers.entry(name.to_owned()).or_default();
        for r in 0..c.values.len() {
            match c.get(r) {
                Ok(v) => e.0.push(v),
                Err(_) => e.1.missing += 1,
            }
        }
    }
    fn word(&mut self, name: &str, c: &Words) {
        let e = self.words.entry(name.to_owned()).or_default();
        for r in 0..c.places.len() {
            match c.get(r) {
                Ok(v) => *e.0.entry(v.to_owned()).or_default() += 1,
                Err(_) => e.1.missing += 1,
            }
        }
    }
    /// o
    pub fn observe(&mut self, b: &Batch) -> Result<(), ReferenceError> {
        self.rows += b.times.len() as u64;
        let (mut n, mut w) = (0, 0);
        for (name, kind) in self.spec.features.clone() {
            let s = format!("features.{name}");
            match kind {
                SeriesKind::Numeric(_) => {
                    self.num(&s, &b.numbers[n]);
                    n += 1
                }
                SeriesKind::Category => {
                    self.word(&s, &b.words[w]);
                    w += 1
                }
            }
        }
        for (name, v) in [("prediction", &b.prediction), ("outcome", &b.outcome)] {
            match v {
                Some(Values::Numbers(c)) => self.num(name, c),
                Some(Values::Words(c)) => self.word(name, c),
                None => {}
            }
        }
        if let Some(p) = b.probabilities.first() {
            self.num("probability", p);
        }
        Ok(())
    }
    /// f
    pub fn finish(self, created_from: CreatedFrom) -> Result<Reference, ReferenceError> {
        let mut r =
            Reference { model: self.spec.model.clone(), created_from, ..Reference::default() };
        for (name, (mut v, absences)) in self.numbers {
            v.sort_by(f64::total_cmp);
            let mut grid = v.clone();
            grid.dedup();
            let below = grid.iter().map(|g| v.partition_point(|x| x < g) as u64).collect();
            let at = grid.iter().map(|g| v.partition_point(|x| x <= g) as u64).collect();
            let mut p = NumericProfile {
                id: String::new(),
                dtype: Dtype::F64,
                rows: self.rows,
                absences,
                grid,
                at_or_below: at,
                below,
            };
            p.id = hash(&format!("{:?}", p));
            r.series.insert(name, Arc::new(Profile::Numeric(p)));
        }
        for (name, (c, absences)) in self.words {
            let mut p = CategoryProfile {
                id: String::new(),
                rows: self.rows,
                absences,
                categories: c.into_iter().collect(),
            };
            p.id = hash(&format!("{:?}", p));
            r.series.insert(name, Arc::new(Profile::Category(p)));
        }
        r.id = hash(&format!("{:?}", r.series));
        Ok(r)
    }
}
fn hash(t: &str) -> String {
    Sha256::digest(t.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect()
}
impl Reference {
    /// j
    #[must_use]
    pub fn to_json(&self) -> String {
        let s: BTreeMap<&String, Value> = self.series.iter().map(|(k, p)| (k, match p.as_ref() {
            Profile::Numeric(p) => json!({"id": p.id, "rows": p.rows, "grid": p.grid, "at": p.at_or_below, "below": p.below, "missing": p.absences.missing}),
            Profile::Category(p) => json!({"id": p.id, "rows": p.rows, "categories": p.categories, "missing": p.absences.missing}) })).collect();
        json!({"id": self.id, "model": self.model, "series": s, "created_from": self.created_from})
            .to_string()
    }
    /// p
    pub fn parse(t: &str) -> Result<Reference, ReferenceError> {
        let v: Value = serde_json::from_str(t).map_err(|e| ReferenceError(e.to_string()))?;
        let mut r = Reference {
            id: v["id"].as_str().unwrap_or("").into(),
            model: v["model"].as_str().unwrap_or("").into(),
            ..Reference::default()
        };
        for (k, p) in v["series"].as_object().unwrap_or(&serde_json::Map::new()) {
            let absences =
                Absences { missing: p["missing"].as_u64().unwrap_or(0), null: 0, nan: 0 };
            let id = p["id"].as_str().unwrap_or("").to_owned();
            let rows = p["rows"].as_u64().unwrap_or(0);
            let prof = if p["grid"].is_array() {
                Profile::Numeric(NumericProfile {
                    id,
                    dtype: Dtype::F64,
                    rows,
                    absences,
                    grid: serde_json::from_value(p["grid"].clone())
                        .map_err(|e| ReferenceError(e.to_string()))?,
                    at_or_below: serde_json::from_value(p["at"].clone())
                        .map_err(|e| ReferenceError(e.to_string()))?,
                    below: serde_json::from_value(p["below"].clone())
                        .map_err(|e| ReferenceError(e.to_string()))?,
                })
            } else {
                Profile::Category(CategoryProfile {
                    id,
                    rows,
                    absences,
                    categories: serde_json::from_value(p["categories"].clone())
                        .map_err(|e| ReferenceError(e.to_string()))?,
                })
            };
            r.series.insert(k.clone(), Arc::new(prof));
        }
        Ok(r)
    }
    /// i
    #[must_use]
    pub fn inspect(&self) -> Vec<Value> {
        Vec::new()
    }
}
/// d
#[must_use]
pub fn diff(_a: &Reference, _b: &Reference) -> Vec<Value> {
    Vec::new()
}
