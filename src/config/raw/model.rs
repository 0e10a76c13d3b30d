//! Tables of a model.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::config::forms::{Extent, Kinded, Length, Many, Scalar, Short, Shortened};
use crate::event::Span;
use crate::stats::Dtype;

/// One model.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawModel {
    /// Former name, whose state and incident keys it carries on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"demand-old")]
    pub was: Option<String>,
    /// What it predicts: `regression`, `binary` or `multiclass`; left out: drift only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"regression")]
    pub task: Option<RawTask>,
    /// How far out of order the events of one partition may be.
    pub lateness: Length,
    /// An event this far beyond both its record's timestamp and now is refused as `future`.
    pub max_ahead: Length,
    /// Values that mean the positive class (binary), compared as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"fraud")]
    pub positive: Option<Many<Scalar>>,
    /// Makes a prediction where only a probability is published (binary).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.5)]
    pub threshold: Option<f64>,
    /// Read numeric strings as numbers.
    pub coerce: bool,
    /// Where references come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<RawReference>,
    /// Rhythm of its events, `hour_of_week` or `hour_of_day`: distributions are judged against the
    /// reference of the same hours, so that no window must cover a whole day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"hour_of_week")]
    pub season: Option<RawSeason>,
    /// Time zone whose clocks the rhythm follows, as the IANA database names it, or `UTC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Europe/Oslo")]
    pub timezone: Option<String>,
    /// Who is told, for every monitor without its own.
    pub notify: RawNotify,
    /// The trainer that monitors with `retrain = true` ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"demand-pipeline")]
    pub retrain: Option<String>,
    /// Events of predictions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<RawPredictions>,
    /// Events of outcomes; left out: none, or inside the predictions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<RawOutcomes>,
}

impl Default for RawModel {
    fn default() -> RawModel {
        RawModel {
            was: None,
            task: None,
            lateness: Length(Span::from_secs(60)),
            max_ahead: Length(Span::from_secs(300)),
            positive: None,
            threshold: None,
            coerce: false,
            reference: None,
            season: None,
            timezone: None,
            notify: RawNotify::default(),
            retrain: None,
            predictions: None,
            outcomes: None,
        }
    }
}

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawTask {
    /// A number.
    Regression,
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
}

/// What repeats itself in the events of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawSeason {
    /// The day: 24 slots.
    HourOfDay,
    /// The week: 168 slots.
    HourOfWeek,
}

/// Where references come from; both: learn where the file of a version is missing.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawReference {
    /// A reference file; `{version}` in its name: one per model version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"reference/demand.json")]
    pub file: Option<String>,
    /// Learn from the first events: `7d` or `50000 events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"7d")]
    pub learn: Option<Extent>,
}

/// Names of notifiers per severity.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawNotify {
    /// Told of warnings.
    #[schemars(example = ["ml-events"])]
    pub warning: Vec<String>,
    /// Told of critical findings.
    #[schemars(example = ["oncall", "ml-events"])]
    pub critical: Vec<String>,
}

/// Events of predictions.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPredictions {
    /// Topic, or a list of topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"demand.predictions")]
    pub topic: Option<Many<String>>,
    /// Format of the records.
    #[schemars(schema_with = "crate::config::schema::format")]
    pub format: Short<Kinded>,
    /// Path of the id, or a list of paths: dotted, JSON Pointer (`/a/b`), `kafka.key`,
    /// `kafka.timestamp` or `kafka.headers.NAME`. Ids compare as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"request_id")]
    pub id: Option<Many<String>>,
    /// Path of the event time: RFC 3339, or a number in s, ms, us or ns told apart by its size.
    pub time: Short<RawTime>,
    /// Path of the model version; it is then part of a prediction's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"model.version")]
    pub version: Option<String>,
    /// Path of the prediction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"output.demand")]
    pub prediction: Option<Short<RawField>>,
    /// Path of the probability of the positive class, or a table class = path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"output.probability")]
    pub probability: Option<RawProbability>,
    /// Path of the loss that a second model expects of this prediction (regression), or a table with
    /// `path` and `of`, which is `mae` (the default) or `mse`: what estimates without outcomes are
    /// the mean of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"output.expected_loss")]
    pub expected_loss: Option<Short<RawLoss>>,
    /// Path of the outcome, where the same event carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"actual")]
    pub outcome: Option<String>,
    /// Which events are meant; others are counted as unmatched, they are not bad.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<RawWhere>,
    /// What a second prediction of one id means: `first` counts, `last` counts, or `all` do.
    pub repeats: RawPredictionRepeats,
    /// Read numeric strings as numbers; default: the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub coerce: Option<bool>,
    /// Features by name: a path, or a table with `path`, `type` and `dtype`.
    pub features: BTreeMap<String, Short<RawField>>,
}

/// What a second prediction of one id means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawPredictionRepeats {
    /// The first counts.
    #[default]
    First,
    /// The last counts.
    Last,
    /// Each counts and meets the same outcome.
    All,
}

/// Events of outcomes.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOutcomes {
    /// Topic, or a list of topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"demand.outcomes")]
    pub topic: Option<Many<String>>,
    /// Format of the records.
    #[schemars(schema_with = "crate::config::schema::format")]
    pub format: Short<Kinded>,
    /// Path of the id, or a list of paths; as many as the predictions have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"request_id")]
    pub id: Option<Many<String>>,
    /// Path of the outcome's time.
    pub time: Short<RawTime>,
    /// Path of the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"actual_demand")]
    pub outcome: Option<String>,
    /// Which events are meant.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<RawWhere>,
    /// The age at which outcomes should be there; coverage is judged then, at the next pane boundary.
    /// Default: `within`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"12h")]
    pub due: Option<Length>,
    /// How long a prediction waits; later outcomes are counted, not used.
    pub within: Length,
    /// What a second outcome of one id means: `last` corrects, or `first` counts.
    pub repeats: RawOutcomeRepeats,
    /// The outcome of a prediction that has none after `within`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"legit")]
    pub assume: Option<Scalar>,
    /// Read numeric strings as numbers; default: the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub coerce: Option<bool>,
}

impl Default for RawOutcomes {
    fn default() -> RawOutcomes {
        RawOutcomes {
            topic: None,
            format: Short::default(),
            id: None,
            time: Short::default(),
            outcome: None,
            filter: None,
            due: None,
            within: Length(Span::from_secs(24 * 3600)),
            repeats: RawOutcomeRepeats::Last,
            assume: None,
            coerce: None,
        }
    }
}

/// What a second outcome of one id means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawOutcomeRepeats {
    /// A correction: the old value is taken back.
    Last,
    /// The first counts.
    First,
}

/// Events without a format are JSON.
impl Default for Short<Kinded> {
    fn default() -> Short<Kinded> {
        Short(Kinded::from_text("json"))
    }
}

/// Events without a time have their record's.
impl Default for Short<RawTime> {
    fn default() -> Short<RawTime> {
        Short(RawTime::from_text("kafka.timestamp"))
    }
}

/// Where an event's time stands.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTime {
    /// Its path.
    #[schemars(example = &"at")]
    pub path: String,
    /// Time zone of texts without one, such as `Europe/Oslo`; without it they are bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Europe/Oslo")]
    pub zone: Option<String>,
}

impl Shortened for RawTime {
    fn from_text(text: &str) -> RawTime {
        RawTime { path: text.to_owned(), zone: None }
    }
}

/// Where the expected loss stands and what it is the loss of.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLoss {
    /// Its path.
    #[schemars(example = &"output.expected_loss")]
    pub path: String,
    /// `mae`: the absolute error is expected; `mse`: the squared one.
    pub of: RawLossOf,
}

impl Shortened for RawLoss {
    fn from_text(text: &str) -> RawLoss {
        RawLoss { path: text.to_owned(), of: RawLossOf::Mae }
    }
}

/// What an expected loss is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawLossOf {
    /// The absolute error.
    #[default]
    Mae,
    /// The squared error.
    Mse,
}

/// Where a value stands and what it is.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawField {
    /// Its path.
    #[schemars(example = &"features.city")]
    pub path: String,
    /// `numeric` or `category`; default of a feature: what the schema of its topic says, else
    /// `numeric`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"category")]
    pub kind: Option<RawFieldType>,
    /// `f64` or `f32`, to which values are rounded; default of a feature: what the schema of its
    /// topic says, else `f64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"f32")]
    pub dtype: Option<RawDtype>,
    /// Read numeric strings as numbers; default: that of the predictions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub coerce: Option<bool>,
}

impl Shortened for RawField {
    fn from_text(text: &str) -> RawField {
        RawField { path: text.to_owned(), ..RawField::default() }
    }
}

/// Type of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawFieldType {
    /// Numbers.
    Numeric,
    /// Named values.
    Category,
    /// Reserved.
    Text,
    /// Reserved.
    Vector,
}

/// Width that values are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawDtype {
    /// Double precision.
    F64,
    /// Single precision.
    F32,
}

impl From<RawDtype> for Dtype {
    fn from(dtype: RawDtype) -> Dtype {
        match dtype {
            RawDtype::F64 => Dtype::F64,
            RawDtype::F32 => Dtype::F32,
        }
    }
}

/// Which events are meant: exactly one condition on the value at `path`.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawWhere {
    /// Path of the value.
    #[schemars(example = &"type")]
    pub path: String,
    /// It equals this, compared as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ride")]
    pub equals: Option<Scalar>,
    /// It is one of these, compared as text.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["ride", "delivery"])]
    pub one_of: Option<Vec<Scalar>>,
    /// It is there (`true`) or not (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub exists: Option<bool>,
}

/// Path of one probability, or a path per class.
#[derive(Clone, PartialEq, Eq)]
pub enum RawProbability {
    /// Of the positive class.
    One(String),
    /// Class = path.
    Classes(BTreeMap<String, String>),
}

impl<'de> Deserialize<'de> for RawProbability {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<RawProbability, D::Error> {
        struct ProbabilityVisitor;
        impl<'de> Visitor<'de> for ProbabilityVisitor {
            type Value = RawProbability;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or a table class = path")
            }
            fn visit_str<E: de::Error>(self, path: &str) -> Result<RawProbability, E> {
                Ok(RawProbability::One(path.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawProbability, A::Error> {
                BTreeMap::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(RawProbability::Classes)
            }
        }
        d.deserialize_any(ProbabilityVisitor)
    }
}

impl Serialize for RawProbability {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            RawProbability::One(path) => s.serialize_str(path),
            RawProbability::Classes(classes) => classes.serialize(s),
        }
    }
}

impl JsonSchema for RawProbability {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Probability".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "string"},
                                {"type": "object", "additionalProperties": {"type": "string"}}]})
    }
}
