//! The calibrator of a reference: fitted when it is built, an object of its own in the file.

use serde_json::{Value, json};

use super::file::{broken, text_at, wholes_at};
use super::identity::id;
use super::{Reference, ReferenceError};
use crate::stats::{Calibrator, Profile};

/// The calibrator of pairs of probability and outcome, with its id.
pub(super) fn fit(profile: &Profile, pairs: Vec<(f64, bool)>) -> Option<Calibrator> {
    let Profile::Numeric(profile) = profile else { return None };
    let mut calibrator = Calibrator::fit(profile, pairs)?;
    calibrator.id = content_id(&calibrator);
    Some(calibrator)
}

pub(super) fn value(calibrator: &Calibrator) -> Value {
    json!({
        "id": calibrator.id,
        "probability": calibrator.grid,
        "rows": calibrator.rows,
        "isotonic": calibrator.isotonic,
        "table": calibrator.table,
    })
}

fn content_id(calibrator: &Calibrator) -> String {
    let mut content = value(calibrator);
    content["id"] = Value::Null;
    id(&content)
}

pub(super) fn parse(
    file: &Value,
    probability: Option<&Profile>,
) -> Result<Calibrator, ReferenceError> {
    let place = "calibration";
    let table = file.get("table").and_then(Value::as_array);
    let table: Option<Vec<f64>> = table.and_then(|list| list.iter().map(Value::as_f64).collect());
    let calibrator = Calibrator {
        id: text_at(file, "id")?,
        grid: text_at(file, "probability")?,
        rows: wholes_at(file, "rows", place)?,
        isotonic: file.get("isotonic").and_then(Value::as_bool).unwrap_or_default(),
        table: table.ok_or_else(|| broken("calibration.table", "a list of numbers is missing"))?,
    };
    let shares = calibrator.table.iter().all(|share| (0.0..=1.0).contains(share));
    if !shares || calibrator.table.windows(2).any(|two| two[0] > two[1]) {
        return Err(broken("calibration.table", "does not ascend from 0 to 1"));
    }
    if content_id(&calibrator) != calibrator.id {
        return Err(broken("calibration.id", "it is not the hash of the content"));
    }
    let probability = probability.filter(|p| p.id() == calibrator.grid);
    if probability.is_none_or(|p| p.cells() != calibrator.table.len())
        || calibrator.rows.len() != calibrator.table.len()
    {
        return Err(broken(place, "it is of another probability"));
    }
    Ok(calibrator)
}

impl Reference {
    /// What the codes of the probability stand for, where the grid is still that of the probability.
    #[must_use]
    pub fn calibrator(&self) -> Option<&Calibrator> {
        let grid = self.series.get("probability")?;
        self.calibration.as_deref().filter(|calibrator| calibrator.grid == grid.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Absences, Dtype, NumericProfile};

    fn profile(grid: Vec<f64>) -> NumericProfile {
        let n = grid.len() as u64;
        NumericProfile {
            id: "p".into(),
            dtype: Dtype::F64,
            rows: n,
            absences: Absences::default(),
            at_or_below: (1..=n).collect(),
            below: (0..n).collect(),
            grid,
        }
    }

    #[test]
    fn survives_its_file_and_says_what_was_changed_by_hand() {
        let probability = Profile::Numeric(profile(vec![0.2, 0.8]));
        let pairs = vec![(0.2, false), (0.8, true), (0.2, false), (0.8, false)];
        let calibrator = fit(&probability, pairs).unwrap();
        let file = value(&calibrator);
        assert_eq!(parse(&file, Some(&probability)).unwrap(), calibrator);
        let refused = |key: &str, value: Value, of: Option<&Profile>| {
            let mut file = file.clone();
            file[key] = value;
            parse(&file, of).unwrap_err().to_string()
        };
        let said = refused("rows", json!([0, 2, 0, 3, 0]), Some(&probability));
        assert!(said.contains("calibration.id"), "{said}");
        let said = refused("table", json!([0.5, 0.4]), Some(&probability));
        assert!(said.contains("does not ascend"), "{said}");
        let other = Profile::Numeric(NumericProfile { id: "q".into(), ..profile(vec![0.5]) });
        for of in [None, Some(&other)] {
            let said = refused("isotonic", json!(calibrator.isotonic), of);
            assert!(said.contains("another probability"), "{said}");
        }
    }
}
