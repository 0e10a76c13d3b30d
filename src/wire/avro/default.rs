//! What a reader's schema says of a field that the writer does not have.

use apache_avro::Schema;
use serde_json::Value;

use super::parsed::{Names, resolved};
use super::program::{Constant, Op};
use crate::event::Time;
use crate::wire::cell::{Cell, Cells};
use crate::wire::plan::{FieldPlan, NONE};

/// Steps that fill the slots at and below a node.
pub(super) fn ops<'s>(
    (schema, value): (&'s Schema, &Value),
    (plan, node): (&FieldPlan, u32),
    names: &Names<'s>,
    constants: &mut Vec<Constant>,
) -> Vec<Op> {
    let mut ops = Vec::new();
    fill((schema, value), (plan, node), names, constants, &mut ops);
    ops
}

fn fill<'s>(
    (schema, value): (&'s Schema, &Value),
    (plan, node): (&FieldPlan, u32),
    names: &Names<'s>,
    constants: &mut Vec<Constant>,
    ops: &mut Vec<Op>,
) {
    let Some(place) = plan.node(node) else { return };
    let schema = branch(resolved(schema, names), value, names);
    if place.slot != NONE
        && let Some(constant) = constant(schema, value)
    {
        constants.push(constant);
        ops.push(Op::Default(place.slot, constants.len() as u32 - 1));
    }
    for (name, index, child) in plan.below(place) {
        let inner = match (schema, value) {
            (Schema::Record(record), Value::Object(fields)) => {
                let field = record.fields.iter().find(|field| field.name == name);
                field.and_then(|f| Some((&f.schema, fields.get(name).or(f.default.as_ref())?)))
            }
            (Schema::Map(map), Value::Object(fields)) => {
                fields.get(name).map(|value| (&*map.types, value))
            }
            (Schema::Array(array), Value::Array(items)) => {
                items.get(index as usize).map(|value| (&*array.items, value))
            }
            _ => None,
        };
        if let Some(inner) = inner {
            fill(inner, (plan, child), names, constants, ops);
        }
    }
}

/// The branch of a union that a default belongs to.
fn branch<'s>(schema: &'s Schema, value: &Value, names: &Names<'s>) -> &'s Schema {
    let Schema::Union(union) = schema else { return schema };
    let branches = union.variants().iter().map(|branch| resolved(branch, names));
    let fits = |branch: &&Schema| {
        matches!(
            (value, branch),
            (Value::Null, Schema::Null)
                | (Value::Object(_), Schema::Record(_) | Schema::Map(_))
                | (Value::Array(_), Schema::Array(_))
        ) || constant(branch, value).is_some()
    };
    branches.clone().find(fits).or(branches.clone().next()).unwrap_or(schema)
}

fn constant(schema: &Schema, value: &Value) -> Option<Constant> {
    let cell = |cell| Some(Constant::Cell(cell));
    let time = |micros: Option<i64>| cell(Cell::Time(Time(micros?)));
    match schema {
        Schema::Null => value.is_null().then_some(Constant::Cell(Cell::Null)),
        Schema::Boolean => cell(Cell::Bool(value.as_bool()?)),
        Schema::Int | Schema::Long | Schema::TimeMillis | Schema::TimeMicros => {
            cell(Cell::Whole(value.as_i64()?))
        }
        Schema::Float => cell(Cell::Float(f64::from(value.as_f64()? as f32))),
        Schema::Double => cell(Cell::Float(value.as_f64()?)),
        Schema::String | Schema::Enum(_) | Schema::Uuid(_) => {
            Some(Constant::Text(value.as_str()?.into()))
        }
        Schema::Bytes | Schema::Fixed(_) => {
            // In a schema a byte is written as the character of its number.
            let bytes: Option<Vec<u8>> =
                value.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            let mut cells = Cells::new(0);
            let text = cells.keep_bytes(&bytes?);
            Some(Constant::Text(cells.view(b"").text(text).into()))
        }
        Schema::TimestampMillis => time(value.as_i64()?.checked_mul(1000)),
        Schema::TimestampMicros => time(value.as_i64()),
        Schema::TimestampNanos => time(Some(value.as_i64()?.div_euclid(1000))),
        Schema::Record(_) | Schema::Map(_) if value.is_object() => cell(Cell::Nested),
        Schema::Array(_) if value.is_array() => cell(Cell::Nested),
        _ => None,
    }
}
