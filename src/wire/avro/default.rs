//! What a reader's schema says of a field that the writer does not have.

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, UuidSchema};
use serde_json::Value;

use super::input::Input;
use super::leaf::Leaf;
use super::parsed::{Names, default_of, resolved};
use super::program::{Constant, Op};
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
                field.and_then(|f| Some((&f.schema, fields.get(name).or(default_of(f))?)))
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

/// A plain default is read as the bytes that a writer would have sent: it becomes what they do.
fn constant(schema: &Schema, value: &Value) -> Option<Constant> {
    let nested = match schema {
        Schema::Record(_) | Schema::Map(_) => value.is_object(),
        Schema::Array(_) => value.is_array(),
        _ => false,
    };
    if nested {
        return Some(Constant::Cell(Cell::Nested));
    }
    let datum = datum(schema, value)?;
    let (mut symbols, mut cells) = (Vec::new(), Cells::new(0));
    let mut input = Input { bytes: &datum, at: 0 };
    let cell = Leaf::of(schema, &mut symbols)?.read(&mut input, &mut cells, &symbols).ok()?;
    let view = cells.view(&datum);
    (input.left() == 0).then(|| match cell {
        Cell::Text(text) => Constant::Text(view.text(text).into()),
        Cell::Number { value, text, .. } => Constant::Whole(value, view.text(text).into()),
        cell => Constant::Cell(cell),
    })
}

/// A plain value of a schema's JSON in the encoding of records; `None`: it is not of that type.
fn datum(schema: &Schema, value: &Value) -> Option<Vec<u8>> {
    let sized = |bytes: &[u8]| [&varint(bytes.len() as i64)[..], bytes].concat();
    Some(match schema {
        Schema::Null => value.is_null().then(Vec::new)?,
        Schema::Boolean => vec![u8::from(value.as_bool()?)],
        Schema::Float => (value.as_f64()? as f32).to_le_bytes().to_vec(),
        Schema::Double => value.as_f64()?.to_le_bytes().to_vec(),
        Schema::String | Schema::Uuid(UuidSchema::String) => sized(value.as_str()?.as_bytes()),
        Schema::Enum(of) => {
            let symbol = value.as_str()?;
            varint(of.symbols.iter().position(|known| known == symbol)? as i64)
        }
        Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => sized(&raw(value)?),
        Schema::Decimal(decimal) => match decimal.inner {
            InnerDecimalSchema::Bytes => sized(&raw(value)?),
            InnerDecimalSchema::Fixed(_) => raw(value)?,
        },
        Schema::Fixed(_) | Schema::Duration(_) | Schema::Uuid(UuidSchema::Fixed(_)) => raw(value)?,
        // What is left of plain types are numbers under several names.
        _ => varint(value.as_i64()?),
    })
}

/// In a schema a byte is written as the character of its number.
fn raw(value: &Value) -> Option<Vec<u8>> {
    value.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

fn varint(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}
