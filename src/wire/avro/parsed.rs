//! A schema with everything that it refers to, parsed; and what it says of a path.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, RecordField, UuidSchema};
use serde_json::Value;

use crate::plan::SeriesKind;
use crate::stats::Dtype;
use crate::wire::outline::{Field, Outline};
use crate::wire::reason::{Reason, Refusal};
use crate::wire::schemas::Written;

/// Deepest field that is listed, and most of them.
const MOST_STEPS: usize = 16;
const MOST_LISTED: usize = 2_000;
/// Where the default of a field stands while the parser is at work.
const DEFAULT: &str = "driftd.default";

/// A schema that is whole.
#[derive(Debug)]
pub(super) struct Parsed {
    root: Schema,
    others: Vec<Schema>,
}

/// Types by their full name.
pub(super) type Names<'s> = HashMap<&'s Name, &'s Schema>;

impl Parsed {
    /// Parses a schema and those it refers to.
    pub fn new(written: &Written) -> Result<Parsed, Refusal> {
        if written.language != "AVRO" {
            let detail = format!("the schema of this record is {}, not Avro", written.language);
            return Err(Refusal::new(Reason::OtherSchema, detail));
        }
        let references: Vec<String> = written.references.iter().map(|text| aside(text)).collect();
        let (root, others) = Schema::parse_str_with_list(&aside(&written.text), references)
            .map_err(|error| bad(&error.to_string()))?;
        let parsed = Parsed { root, others };
        let names = parsed.names();
        let mut lost = None;
        let mut seek = |schema: &Schema| {
            if let Schema::Ref { name } = schema
                && !names.contains_key(name)
            {
                lost.get_or_insert_with(|| name.fullname(None));
            }
        };
        parsed.every(&mut seek);
        match lost {
            Some(name) => Err(bad(&format!("it refers to {name}, which nobody defines"))),
            None => Ok(parsed),
        }
    }

    pub fn root(&self) -> &Schema {
        &self.root
    }

    /// The types that have names.
    pub fn names(&self) -> Names<'_> {
        let mut names = Names::new();
        for schema in self.others.iter().chain([&self.root]) {
            visit(schema, &mut |schema| {
                if let Some(name) = name_of(schema) {
                    names.insert(name, schema);
                }
            });
        }
        names
    }

    fn every<'s>(&'s self, visitor: &mut impl FnMut(&'s Schema)) {
        self.others.iter().chain([&self.root]).for_each(|schema| visit(schema, visitor));
    }
}

/// A schema whose defaults are put aside: the parser refuses schemas for defaults that are sound or
/// that nobody needs.
fn aside(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(mut schema) => {
            put_aside(&mut schema);
            schema.to_string()
        }
        // The parser says what is wrong.
        Err(_) => text.to_owned(),
    }
}

fn put_aside(schema: &mut Value) {
    match schema {
        Value::Array(branches) => branches.iter_mut().for_each(put_aside),
        Value::Object(parts) => {
            let fields = parts.get_mut("fields").and_then(Value::as_array_mut);
            for field in fields.into_iter().flatten().filter_map(Value::as_object_mut) {
                if let Some(default) = field.remove("default") {
                    field.insert(DEFAULT.to_owned(), default);
                }
                field.get_mut("type").into_iter().for_each(put_aside);
            }
            for inner in ["type", "items", "values"] {
                parts.get_mut(inner).into_iter().for_each(put_aside);
            }
        }
        _ => {}
    }
}

/// What stands for a field that a writer does not have.
pub(super) fn default_of(field: &RecordField) -> Option<&Value> {
    field.custom_attributes.get(DEFAULT)
}

fn bad(why: &str) -> Refusal {
    let why: String = why.chars().take(300).collect();
    Refusal::new(Reason::BadSchema, format!("the schema of this record cannot be read: {why}"))
}

/// A type with its name resolved.
pub(super) fn resolved<'s>(schema: &'s Schema, names: &Names<'s>) -> &'s Schema {
    match schema {
        Schema::Ref { name } => names.get(name).copied().unwrap_or(schema),
        schema => schema,
    }
}

/// The field that is meant by a name: the one of that name, else one that had it before.
pub(super) fn field_of(fields: &[RecordField], name: &str) -> Option<usize> {
    let named = fields.iter().position(|field| field.name == name);
    let before = |field: &RecordField| field.aliases.iter().any(|alias| alias == name);
    named.or_else(|| fields.iter().position(before))
}

fn name_of(schema: &Schema) -> Option<&Name> {
    match schema {
        Schema::Record(record) => Some(&record.name),
        Schema::Enum(symbols) => Some(&symbols.name),
        Schema::Fixed(fixed) | Schema::Duration(fixed) => Some(&fixed.name),
        Schema::Uuid(UuidSchema::Fixed(fixed)) => Some(&fixed.name),
        Schema::Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Fixed(fixed) => Some(&fixed.name),
            InnerDecimalSchema::Bytes => None,
        },
        _ => None,
    }
}

fn visit<'s>(schema: &'s Schema, visitor: &mut impl FnMut(&'s Schema)) {
    visitor(schema);
    match schema {
        Schema::Array(list) => visit(&list.items, visitor),
        Schema::Map(map) => visit(&map.types, visitor),
        Schema::Union(union) => union.variants().iter().for_each(|s| visit(s, visitor)),
        Schema::Record(record) => record.fields.iter().for_each(|f| visit(&f.schema, visitor)),
        _ => {}
    }
}

impl Outline for Parsed {
    fn find(&self, steps: &[String]) -> Option<Field> {
        find(&self.root, steps, &self.names())
    }

    fn paths(&self) -> Vec<String> {
        let mut listing = Listing { names: self.names(), found: Vec::new(), looked_at: 0 };
        listing.list(&self.root, &mut Vec::new());
        listing.found
    }
}

fn find(schema: &Schema, steps: &[String], names: &Names<'_>) -> Option<Field> {
    let schema = resolved(schema, names);
    if let Schema::Union(union) = schema {
        let branches = union.variants().iter();
        let found: Vec<Field> = branches.filter_map(|branch| find(branch, steps, names)).collect();
        // What a name leads to, for the branches that have it; the union itself at its own place.
        let telling = || found.iter().filter(|field| field.kind != "null");
        let series = telling().next().and_then(|first| first.series);
        let agreed = telling().all(|field| field.series == series);
        let kinds: Vec<&str> = found.iter().map(|field| field.kind.as_str()).collect();
        return (!found.is_empty()).then(|| Field {
            kind: if steps.is_empty() {
                format!("[{}]", kinds.join(", "))
            } else {
                kinds.join(" or ")
            },
            series: series.filter(|_| agreed),
            plain: telling().all(|field| field.plain),
        });
    }
    let Some((step, rest)) = steps.split_first() else { return Some(described(schema)) };
    match schema {
        Schema::Record(record) => {
            let field = field_of(&record.fields, step)?;
            find(&record.fields[field].schema, rest, names)
        }
        Schema::Map(map) => find(&map.types, rest, names),
        Schema::Array(array) if step.parse::<u32>().is_ok() => find(&array.items, rest, names),
        _ => None,
    }
}

/// The paths found so far; small schemas can have any number of them.
struct Listing<'s> {
    names: Names<'s>,
    found: Vec<String>,
    looked_at: usize,
}

impl<'s> Listing<'s> {
    fn list(&mut self, schema: &'s Schema, steps: &mut Vec<String>) {
        self.looked_at += 1;
        if steps.len() > MOST_STEPS || self.looked_at > MOST_LISTED {
            return;
        }
        let records = |schema| match resolved(schema, &self.names) {
            record @ Schema::Record(_) => Some(record),
            _ => None,
        };
        let inside: Vec<&Schema> = match resolved(schema, &self.names) {
            Schema::Union(union) => union.variants().iter().filter_map(records).collect(),
            plain => records(plain).into_iter().collect(),
        };
        if inside.is_empty() {
            self.found.push(steps.join("."));
        }
        for schema in inside {
            let Schema::Record(record) = schema else { continue };
            for field in &record.fields {
                steps.push(field.name.clone());
                self.list(&field.schema, steps);
                steps.pop();
            }
        }
    }
}

/// What a type is called, and what a feature of it is unless it says otherwise.
fn described(schema: &Schema) -> Field {
    let numeric = |dtype| Some(SeriesKind::Numeric(dtype));
    let (kind, series) = match schema {
        Schema::Null => ("null", None),
        Schema::Boolean => ("boolean", numeric(Dtype::F64)),
        Schema::Int => ("int", numeric(Dtype::F64)),
        Schema::Long => ("long", numeric(Dtype::F64)),
        Schema::Float => ("float", numeric(Dtype::F32)),
        Schema::Double => ("double", numeric(Dtype::F64)),
        Schema::Bytes => ("bytes", Some(SeriesKind::Category)),
        Schema::String => ("string", Some(SeriesKind::Category)),
        Schema::Enum(_) => ("enum", Some(SeriesKind::Category)),
        Schema::Fixed(_) => ("fixed", Some(SeriesKind::Category)),
        Schema::Uuid(_) => ("uuid", Some(SeriesKind::Category)),
        Schema::Decimal(decimal) => {
            return Field {
                kind: format!("decimal({}, {})", decimal.precision, decimal.scale),
                series: numeric(Dtype::F64),
                plain: true,
            };
        }
        Schema::BigDecimal => ("big-decimal", numeric(Dtype::F64)),
        Schema::Date => ("date", Some(SeriesKind::Category)),
        Schema::TimeMillis => ("time-millis", numeric(Dtype::F64)),
        Schema::TimeMicros => ("time-micros", numeric(Dtype::F64)),
        Schema::TimestampMillis => ("timestamp-millis", None),
        Schema::TimestampMicros => ("timestamp-micros", None),
        Schema::TimestampNanos => ("timestamp-nanos", None),
        Schema::LocalTimestampMillis => ("local-timestamp-millis", None),
        Schema::LocalTimestampMicros => ("local-timestamp-micros", None),
        Schema::LocalTimestampNanos => ("local-timestamp-nanos", None),
        Schema::Duration(_) => ("duration", Some(SeriesKind::Category)),
        Schema::Array(_) => ("array", None),
        Schema::Map(_) => ("map", None),
        Schema::Record(_) => ("record", None),
        Schema::Union(_) => ("union", None),
        Schema::Ref { .. } => ("reference", None),
    };
    let plain = !matches!(schema, Schema::Array(_) | Schema::Map(_) | Schema::Record(_));
    Field { kind: kind.to_owned(), series, plain }
}
