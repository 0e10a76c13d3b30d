//! Reference files: read when a version is first seen, kept while they serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::plan::{ModelPlan, Plan, SeriesKind};
use crate::reference::Reference;

/// Finds the reference of a model's version.
#[derive(Debug, Default)]
pub struct References {
    /// Path per model; may hold `{version}`.
    files: BTreeMap<String, String>,
    /// By model: what its features are.
    kinds: BTreeMap<String, Vec<(String, SeriesKind)>>,
    known: Mutex<BTreeMap<(String, PathBuf), Arc<Reference>>>,
}

impl References {
    /// References from these files by model, for the features of a plan.
    #[must_use]
    pub fn new(files: BTreeMap<String, String>, plan: &Plan) -> References {
        let kinds = plan.models.iter().map(|model| (model.name.clone(), kinds(model)));
        References { files, kinds: kinds.collect(), known: Mutex::default() }
    }

    /// The file of a model's version, where one is configured.
    #[must_use]
    pub fn path(&self, model: &str, version: Option<&str>) -> Option<PathBuf> {
        let pattern = self.files.get(model)?;
        let version = version.unwrap_or("");
        // A version comes out of events: it must not lead out of the folder.
        if version.contains(['/', '\\', '\0']) || version == ".." {
            return None;
        }
        Some(PathBuf::from(pattern.replace("{version}", version)))
    }

    /// The reference, or `None` where there is no (readable) file. What it holds of a feature that
    /// is of another type is left out: nothing is judged by it.
    pub fn resolve(&self, model: &str, version: Option<&str>) -> Option<Arc<Reference>> {
        let path = self.path(model, version)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (model.to_owned(), path);
        if let Some(found) = known.get(&key) {
            return Some(found.clone());
        }
        let mut reference = match read(&key.1) {
            Ok(reference) => reference?,
            Err(error) => {
                tracing::warn!(model, "{error}");
                return None;
            }
        };
        let kinds = self.kinds.get(model).map_or(&[][..], Vec::as_slice);
        for Misfit { series, sentence } in misfits(&reference, kinds) {
            tracing::warn!(model, "reference {}: {sentence}", key.1.display());
            reference.series.remove(&series);
        }
        let found = Arc::new(reference);
        known.insert(key, found.clone());
        Some(found)
    }
}

/// What the features of a model are, by series.
#[must_use]
pub fn kinds(model: &ModelPlan) -> Vec<(String, SeriesKind)> {
    model.features.iter().map(|f| (format!("features.{}", f.name), f.kind)).collect()
}

/// A series that a reference holds as something else.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its name.
    pub series: String,
    /// What it is here and there.
    pub sentence: String,
}

/// What a reference holds of series that are of another type.
#[must_use]
pub fn misfits(reference: &Reference, kinds: &[(String, SeriesKind)]) -> Vec<Misfit> {
    let held = |series: &String| reference.series.get(series).map(|profile| profile.kind());
    kinds
        .iter()
        .filter_map(|(series, kind)| Some((series, *kind, held(series)?)))
        .filter(|(_, kind, held)| kind != held)
        .map(|(series, kind, held)| Misfit {
            series: series.clone(),
            sentence: format!("{series} is {held} there and {kind} here"),
        })
        .collect()
}

/// Reads a reference file; `None` where there is none.
///
/// # Errors
/// A sentence that names the file: it cannot be read, or is no reference.
pub fn read(path: &Path) -> Result<Option<Reference>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("reference {}: {error}", path.display())),
    };
    Reference::parse(&text)
        .map(Some)
        .map_err(|error| format!("reference {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Dtype, NumericProfile, Profile};

    #[test]
    fn nothing_is_judged_by_numbers_of_another_precision() {
        let profile = |dtype| {
            Arc::new(Profile::Numeric(NumericProfile {
                id: String::new(),
                dtype,
                rows: 0,
                absences: Default::default(),
                grid: Vec::new(),
                at_or_below: Vec::new(),
                below: Vec::new(),
            }))
        };
        let series = BTreeMap::from([
            ("features.a".to_owned(), profile(Dtype::F32)),
            ("features.b".to_owned(), profile(Dtype::F64)),
            ("features.c".to_owned(), profile(Dtype::F64)),
            ("features.gone".to_owned(), profile(Dtype::F32)),
        ]);
        let reference = Reference { series, ..Reference::default() };
        let of = |name: &str, kind| (format!("features.{name}"), kind);
        let kinds = [
            of("a", SeriesKind::Numeric(Dtype::F32)),
            of("b", SeriesKind::Numeric(Dtype::F32)),
            of("c", SeriesKind::Category),
            of("new", SeriesKind::Category),
        ];
        let found = misfits(&reference, &kinds);
        let sentences: Vec<&str> = found.iter().map(|misfit| misfit.sentence.as_str()).collect();
        let want = [
            "features.b is numeric (f64) there and numeric (f32) here",
            "features.c is numeric (f64) there and category here",
        ];
        assert_eq!(sentences, want);
    }
}
