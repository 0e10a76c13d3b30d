//! A writer's schema and a field plan become a projection plan.
//!
//! A configured name means the writer's field of that name, else the one that the reader's schema
//! (where there is one) says was named so, else the one that the writer says was named so before.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, RecordField, RecordSchema, UuidSchema};

use super::default;
use super::leaf::Leaf;
use super::parsed::{Names, Parsed, default_of, field_of, resolved};
use super::program::{Entries, Entry, Items, Op, Program};
use crate::wire::plan::{FieldPlan, NONE, Node};
use crate::wire::reason::{Reason, Refusal};

/// Types looked at while a schema is compiled, and how deep they may stand in each other: small
/// schemas can describe enormous values.
const MOST_TYPES: u32 = 100_000;
const MOST_DEEP: u32 = 400;
/// Longest way past a record that is laid out where the record stands.
const MOST_COPIED: usize = 16;

/// The schema is too large; it cannot be compiled on.
struct TooLarge;

/// Compiles; the plan's chunk 0 reads a whole datum.
pub(super) fn compile(
    writer: &Parsed,
    reader: Option<&Parsed>,
    plan: &FieldPlan,
) -> Result<Program, Refusal> {
    let names = writer.names();
    let root = resolved(writer.root(), &names);
    let holds_fields = |s: &Schema| {
        matches!(resolved(s, &names), Schema::Record(_) | Schema::Map(_) | Schema::Array(_))
    };
    let fields = match root {
        Schema::Union(union) => union.variants().iter().any(holds_fields),
        plain => holds_fields(plain),
    };
    if !fields {
        let detail = "the schema describes one plain value; expected a record with fields";
        return Err(Refusal::new(Reason::NotObject, detail));
    }
    let reader_names = reader.map(Parsed::names).unwrap_or_default();
    let mut compiler = Compiler {
        names,
        reader_names,
        plan,
        program: Program::default(),
        passed: HashMap::new(),
        types: 0,
    };
    compiler.program.chunks.push(Vec::new());
    let mut ops = Vec::new();
    let reader = reader.map(Parsed::root);
    compiler.take(root, reader, plan.root(), &mut ops, 0).map_err(|TooLarge| {
        Refusal::new(Reason::BadSchema, "the schema of this record is too large")
    })?;
    compiler.program.chunks[0] = ops;
    Ok(compiler.program)
}

struct Compiler<'s> {
    names: Names<'s>,
    reader_names: Names<'s>,
    plan: &'s FieldPlan,
    program: Program,
    /// The way past each record, and whether it is laid out yet.
    passed: HashMap<&'s Name, (u32, bool)>,
    types: u32,
}

impl<'s> Compiler<'s> {
    fn enter(&mut self, depth: u32) -> Result<(), TooLarge> {
        self.types += 1;
        if self.types > MOST_TYPES || depth > MOST_DEEP { Err(TooLarge) } else { Ok(()) }
    }

    /// Takes what is wanted at `node`.
    fn take(
        &mut self,
        schema: &'s Schema,
        reader: Option<&'s Schema>,
        node: u32,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        self.enter(depth)?;
        let plan = self.plan;
        let Some(place) = plan.node(node) else { return self.pass(schema, ops, depth) };
        let schema = resolved(schema, &self.names);
        let reader = reader.map(|schema| resolved(schema, &self.reader_names));
        match schema {
            Schema::Record(record) => {
                nested(place, ops);
                self.fields(record, reader, place, ops, depth)
            }
            Schema::Array(array) => {
                nested(place, ops);
                self.items(&array.items, reader, place, ops, depth)
            }
            Schema::Map(map) => {
                nested(place, ops);
                self.entries(&map.types, reader, place, ops, depth)
            }
            Schema::Union(union) => {
                let mut branches = Vec::new();
                for branch in union.variants() {
                    let reader = reader.map(|reader| self.branch(reader, branch));
                    let mut inside = Vec::new();
                    self.take(branch, reader, node, &mut inside, depth + 1)?;
                    branches.push(self.chunk(inside));
                }
                self.program.unions.push(branches);
                ops.push(Op::Choose(self.program.unions.len() as u32 - 1));
                Ok(())
            }
            plain if place.slot != NONE => match Leaf::of(plain, &mut self.program.symbols) {
                Some(leaf) => {
                    ops.push(Op::Take(leaf, place.slot));
                    Ok(())
                }
                None => self.pass(plain, ops, depth),
            },
            plain => self.pass(plain, ops, depth),
        }
    }

    /// The branch of a reader's union that a writer's type means.
    fn branch(&self, reader: &'s Schema, writer: &Schema) -> &'s Schema {
        let Schema::Union(union) = reader else { return reader };
        let writer = resolved(writer, &self.names);
        let alike = |branch: &&Schema| {
            let branch = resolved(branch, &self.reader_names);
            std::mem::discriminant(branch) == std::mem::discriminant(writer)
        };
        union.variants().iter().find(alike).unwrap_or(reader)
    }

    fn fields(
        &mut self,
        record: &'s RecordSchema,
        reader: Option<&'s Schema>,
        place: &'s Node,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        let reader = match reader {
            // A field that was a record and may now be null is still that record.
            Some(Schema::Union(union)) => union
                .variants()
                .iter()
                .map(|branch| resolved(branch, &self.reader_names))
                .find(|branch| matches!(branch, Schema::Record(_))),
            reader => reader,
        };
        let described: &[RecordField] = match reader {
            Some(Schema::Record(record)) => &record.fields,
            _ => &[],
        };
        let mut wanted: Vec<Vec<(u32, Option<&'s Schema>)>> = vec![Vec::new(); record.fields.len()];
        let plan = self.plan;
        for (name, _, child) in plan.below(place) {
            let described = described.iter().find(|field| field.name == name);
            match self.field(record, described, name) {
                Some(field) => wanted[field].push((child, described.map(|field| &field.schema))),
                None => {
                    if let Some((field, value)) = described.and_then(|f| Some((f, default_of(f)?)))
                    {
                        let defaults = default::ops(
                            (&field.schema, value),
                            (plan, child),
                            &self.reader_names,
                            &mut self.program.constants,
                        );
                        ops.extend(defaults);
                    }
                }
            }
        }
        for (field, wanted) in record.fields.iter().zip(wanted) {
            match wanted.split_last() {
                None => self.pass(&field.schema, ops, depth + 1)?,
                Some((last, others)) => {
                    for (child, reader) in others {
                        let mut inside = Vec::new();
                        self.take(&field.schema, *reader, *child, &mut inside, depth + 1)?;
                        ops.push(Op::Fork(self.chunk(inside)));
                    }
                    self.take(&field.schema, last.1, last.0, ops, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// The writer's field that a configured name means.
    fn field(
        &self,
        record: &RecordSchema,
        described: Option<&RecordField>,
        name: &str,
    ) -> Option<usize> {
        let named = |name: &str| record.fields.iter().position(|field| field.name == name);
        named(name)
            .or_else(|| described?.aliases.iter().find_map(|alias| named(alias)))
            .or_else(|| field_of(&record.fields, name))
    }

    fn items(
        &mut self,
        items: &'s Schema,
        reader: Option<&'s Schema>,
        place: &'s Node,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        let reader = match reader {
            Some(Schema::Array(array)) => Some(&*array.items),
            _ => None,
        };
        let (plan, mut wanted) = (self.plan, Vec::new());
        for (_, index, child) in plan.below(place).filter(|(_, index, _)| *index != NONE) {
            let mut inside = Vec::new();
            self.take(items, reader, child, &mut inside, depth + 1)?;
            wanted.push((index, self.chunk(inside)));
        }
        wanted.sort_unstable();
        self.list(items, wanted, ops, depth)
    }

    fn list(
        &mut self,
        items: &'s Schema,
        wanted: Vec<(u32, u32)>,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        let mut inside = Vec::new();
        self.pass(items, &mut inside, depth + 1)?;
        let pass = self.chunk(inside);
        self.program.lists.push(Items { pass, wanted });
        ops.push(Op::Items(self.program.lists.len() as u32 - 1));
        Ok(())
    }

    fn entries(
        &mut self,
        values: &'s Schema,
        reader: Option<&'s Schema>,
        place: &'s Node,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        let reader = match reader {
            Some(Schema::Map(map)) => Some(&*map.types),
            _ => None,
        };
        let (plan, mut wanted) = (self.plan, Vec::new());
        for (name, _, child) in plan.below(place) {
            let mut inside = Vec::new();
            self.take(values, reader, child, &mut inside, depth + 1)?;
            let below = plan.node(child).map_or(0..0, |node| node.below.clone());
            wanted.push(Entry { key: name.into(), take: self.chunk(inside), below });
        }
        self.map(values, wanted, ops, depth)
    }

    fn map(
        &mut self,
        values: &'s Schema,
        wanted: Vec<Entry>,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        let mut inside = Vec::new();
        self.pass(values, &mut inside, depth + 1)?;
        let pass = self.chunk(inside);
        self.program.maps.push(Entries { pass, wanted });
        ops.push(Op::Entries(self.program.maps.len() as u32 - 1));
        Ok(())
    }

    /// Passes a value that nobody wants.
    fn pass(&mut self, schema: &'s Schema, ops: &mut Vec<Op>, depth: u32) -> Result<(), TooLarge> {
        self.enter(depth)?;
        let fixed = |size: usize| u32::try_from(size).map(Op::Bytes).map_err(|_| TooLarge);
        let op = match resolved(schema, &self.names) {
            Schema::Null => return Ok(()),
            Schema::Boolean => Op::Bytes(1),
            Schema::Float => Op::Bytes(4),
            Schema::Double => Op::Bytes(8),
            Schema::Int
            | Schema::Long
            | Schema::Enum(_)
            | Schema::Date
            | Schema::TimeMillis
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Op::Varints(1),
            Schema::Bytes
            | Schema::String
            | Schema::BigDecimal
            | Schema::Uuid(UuidSchema::Bytes | UuidSchema::String) => Op::Blobs(1),
            Schema::Fixed(of) | Schema::Duration(of) | Schema::Uuid(UuidSchema::Fixed(of)) => {
                fixed(of.size)?
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Op::Blobs(1),
                InnerDecimalSchema::Fixed(of) => fixed(of.size)?,
            },
            Schema::Array(array) => return self.list(&array.items, Vec::new(), ops, depth),
            Schema::Map(map) => return self.map(&map.types, Vec::new(), ops, depth),
            Schema::Union(union) => {
                let mut branches = Vec::new();
                for branch in union.variants() {
                    let mut inside = Vec::new();
                    self.pass(branch, &mut inside, depth + 1)?;
                    branches.push(self.chunk(inside));
                }
                self.program.unions.push(branches);
                Op::Choose(self.program.unions.len() as u32 - 1)
            }
            Schema::Record(record) => return self.pass_record(record, ops, depth),
            // A parsed schema has none that leads nowhere.
            Schema::Ref { .. } => return Err(TooLarge),
        };
        push(ops, op)
    }

    fn pass_record(
        &mut self,
        record: &'s RecordSchema,
        ops: &mut Vec<Op>,
        depth: u32,
    ) -> Result<(), TooLarge> {
        let (chunk, done) = match self.passed.get(&record.name) {
            Some(known) => *known,
            None => {
                let chunk = self.chunk(Vec::new());
                self.passed.insert(&record.name, (chunk, false));
                let mut inside = Vec::new();
                for field in &record.fields {
                    self.pass(&field.schema, &mut inside, depth + 1)?;
                }
                self.program.chunks[chunk as usize] = inside;
                self.passed.insert(&record.name, (chunk, true));
                (chunk, true)
            }
        };
        let way = &self.program.chunks[chunk as usize];
        if done && way.len() <= MOST_COPIED {
            return way.clone().into_iter().try_for_each(|op| push(ops, op));
        }
        ops.push(Op::Call(chunk));
        Ok(())
    }

    fn chunk(&mut self, ops: Vec<Op>) -> u32 {
        self.program.chunks.push(ops);
        self.program.chunks.len() as u32 - 1
    }
}

fn nested(place: &Node, ops: &mut Vec<Op>) {
    if place.slot != NONE {
        ops.push(Op::Nested(place.slot));
    }
}

/// Appends a step, or makes the step before longer.
fn push(ops: &mut Vec<Op>, op: Op) -> Result<(), TooLarge> {
    let sum = |a: u32, b: u32| a.checked_add(b).ok_or(TooLarge);
    match (ops.last_mut(), &op) {
        (Some(Op::Bytes(n)), Op::Bytes(more))
        | (Some(Op::Varints(n)), Op::Varints(more))
        | (Some(Op::Blobs(n)), Op::Blobs(more)) => *n = sum(*n, *more)?,
        _ => ops.push(op),
    }
    Ok(())
}
