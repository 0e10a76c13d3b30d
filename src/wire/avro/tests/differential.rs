//! The projection against what `apache-avro` decodes in full, over generated schemas and values.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::InnerDecimalSchema;
use apache_avro::{Decimal, Duration, Uuid};
use num_bigint::BigInt;
use serde_json::{Value as Json, json};

use super::super::parsed::{Names, resolved};
use super::*;
use crate::event::Time;

const CASES: u64 = 10_000;

/// Knuth's MMIX generator: the same cases in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) ^ (self.0 >> 40)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 8) % end
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }

    fn long(&mut self) -> i64 {
        let wide = (self.next() << 40) ^ self.next();
        (wide as i64) >> self.below(64)
    }
}

/// Makes schemas; every name comes once.
struct Maker<'r> {
    random: &'r mut Random,
    names: u32,
    /// Named types that are complete.
    done: Vec<String>,
}

impl Maker<'_> {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("T{}", self.names)
    }

    fn record(&mut self, depth: u32) -> Json {
        let name = self.name();
        let mut fields = Vec::new();
        for place in 0..self.random.below(5) + u64::from(depth == 0) {
            fields.push(json!({ "name": format!("f{place}"), "type": self.schema(depth + 1) }));
        }
        if self.random.below(4) == 0 {
            fields.push(json!({ "name": "next", "type": ["null", name] }));
        }
        self.done.push(name.clone());
        json!({ "type": "record", "name": name, "fields": fields })
    }

    fn schema(&mut self, depth: u32) -> Json {
        match self.random.below(if depth > 3 { 8 } else { 14 }) {
            0..8 => self.plain(),
            8 => json!({ "type": "array", "items": self.schema(depth + 1) }),
            9 => json!({ "type": "map", "values": self.schema(depth + 1) }),
            10 | 11 => self.union(depth),
            12 if !self.done.is_empty() => json!(self.random.pick(&self.done)),
            _ => self.record(depth),
        }
    }

    fn plain(&mut self) -> Json {
        let (scale, size) = (self.random.below(6), 1 + self.random.below(24));
        let fixed = |name: String, size| json!({ "type": "fixed", "name": name, "size": size });
        match self.random.below(27) {
            0 => json!("null"),
            1 => json!("boolean"),
            2 => json!("int"),
            3 => json!("long"),
            4 => json!("float"),
            5 => json!("double"),
            6 => json!("bytes"),
            7 => json!("string"),
            8 => {
                let name = self.name();
                self.done.push(name.clone());
                json!({ "type": "enum", "name": name, "symbols": ["OSLO", "BERGEN", "VOSS"] })
            }
            9 => {
                let name = self.name();
                self.done.push(name.clone());
                fixed(name, size)
            }
            10 => {
                json!({ "type": "bytes", "logicalType": "decimal", "precision": 40, "scale": scale })
            }
            11 => {
                let mut schema = fixed(self.name(), size);
                schema["logicalType"] = json!("decimal");
                schema["precision"] = json!(1 + 2 * (size - 1));
                schema["scale"] = json!(scale.min(2 * (size - 1)));
                schema
            }
            12 => json!({ "type": "bytes", "logicalType": "big-decimal" }),
            13 => json!({ "type": "string", "logicalType": "uuid" }),
            14 => {
                let mut schema = fixed(self.name(), 16);
                schema["logicalType"] = json!("uuid");
                schema
            }
            15 => json!({ "type": "int", "logicalType": "date" }),
            16 => json!({ "type": "int", "logicalType": "time-millis" }),
            17 => json!({ "type": "long", "logicalType": "time-micros" }),
            18 => {
                let mut schema = fixed(self.name(), 12);
                schema["logicalType"] = json!("duration");
                schema
            }
            place => {
                let kinds = [
                    "timestamp-millis",
                    "timestamp-micros",
                    "timestamp-nanos",
                    "local-timestamp-millis",
                    "local-timestamp-micros",
                    "local-timestamp-nanos",
                ];
                json!({ "type": "long", "logicalType": kinds[place as usize % kinds.len()] })
            }
        }
    }

    fn union(&mut self, depth: u32) -> Json {
        let mut plain =
            vec!["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
        let mut branches = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let at = self.random.below(plain.len() as u64) as usize;
            branches.push(json!(plain.remove(at)));
        }
        match self.random.below(4) {
            0 => branches.push(self.record(depth + 1)),
            1 => branches.push(json!({ "type": "array", "items": self.schema(depth + 1) })),
            2 => branches.push(json!({ "type": "map", "values": self.schema(depth + 1) })),
            _ => {}
        }
        let turn = self.random.below(branches.len() as u64) as usize;
        branches.rotate_left(turn);
        json!(branches)
    }
}

/// A value of a schema.
fn value(random: &mut Random, schema: &Schema, names: &Names<'_>, depth: u32) -> Value {
    let few = |random: &mut Random| if depth > 8 { 0 } else { random.below(4) };
    let decimal = |bytes: Vec<u8>| Value::Decimal(Decimal::from(bytes));
    // Where jiff and Avro both know the date.
    let micros = |random: &mut Random| random.long() % 100_000_000_000_000_000;
    match resolved(schema, names) {
        Schema::Null => Value::Null,
        Schema::Boolean => Value::Boolean(random.below(2) == 0),
        Schema::Int => Value::Int(random.long() as i32),
        Schema::Long => Value::Long(random.long()),
        Schema::Float => Value::Float(f32::from_bits(random.next() as u32)),
        Schema::Double => Value::Double(random.long() as f64 / 1e3),
        Schema::Bytes => {
            let n = random.below(9) as usize;
            Value::Bytes(random.bytes(n))
        }
        Schema::String => Value::String(text(random)),
        Schema::Enum(symbols) => {
            let place = random.below(symbols.symbols.len() as u64) as usize;
            Value::Enum(place as u32, symbols.symbols[place].clone())
        }
        Schema::Fixed(of) => Value::Fixed(of.size, random.bytes(of.size)),
        Schema::Decimal(of) => match &of.inner {
            InnerDecimalSchema::Bytes => {
                let n = 1 + random.below(16) as usize;
                decimal(random.bytes(n))
            }
            InnerDecimalSchema::Fixed(fixed) => decimal(random.bytes(fixed.size)),
        },
        Schema::BigDecimal => {
            let text = format!("{}e{}", random.long(), random.below(20) as i64 - 15);
            Value::BigDecimal(text.parse().unwrap())
        }
        Schema::Uuid(_) => Value::Uuid(Uuid::from_slice(&random.bytes(16)).unwrap()),
        Schema::Date => Value::Date(random.long() as i32 % 1_000_000),
        Schema::TimeMillis => Value::TimeMillis(random.below(86_400_000) as i32),
        Schema::TimeMicros => Value::TimeMicros(random.below(86_400_000_000) as i64),
        Schema::TimestampMillis => Value::TimestampMillis(micros(random) / 1000),
        Schema::TimestampMicros => Value::TimestampMicros(micros(random)),
        Schema::TimestampNanos => Value::TimestampNanos(random.long()),
        Schema::LocalTimestampMillis => Value::LocalTimestampMillis(micros(random) / 1000),
        Schema::LocalTimestampMicros => Value::LocalTimestampMicros(micros(random)),
        Schema::LocalTimestampNanos => Value::LocalTimestampNanos(random.long()),
        Schema::Duration(_) => {
            let bytes: [u8; 12] = random.bytes(12).try_into().unwrap();
            Value::Duration(Duration::from(bytes))
        }
        Schema::Array(array) => {
            let items = 0..few(random);
            Value::Array(items.map(|_| value(random, &array.items, names, depth + 1)).collect())
        }
        Schema::Map(map) => {
            let keys = 0..few(random);
            let entry = |key| (format!("k{key}é"), value(random, &map.types, names, depth + 1));
            Value::Map(keys.map(entry).collect())
        }
        Schema::Union(union) => {
            let branches = union.variants();
            let mut branch = random.below(branches.len() as u64) as usize;
            if depth > 8 {
                branch = branches.iter().position(|b| *b == Schema::Null).unwrap_or(branch);
            }
            let inner = value(random, &branches[branch], names, depth + 1);
            Value::Union(branch as u32, Box::new(inner))
        }
        Schema::Record(record) => {
            let fields = record.fields.iter();
            let field = |f: &apache_avro::schema::RecordField| {
                (f.name.clone(), value(random, &f.schema, names, depth + 1))
            };
            Value::Record(fields.map(field).collect())
        }
        Schema::Ref { name } => panic!("{name:?} leads nowhere"),
    }
}

fn text(random: &mut Random) -> String {
    let letters = ['a', 'Z', '0', 'é', '😀', '"', '\\', '\0'];
    (0..random.below(12)).map(|_| *random.pick(&letters)).collect()
}

/// Every path of a value, as pointers.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    if !at.is_empty() && at.split('/').count() < 60 {
        found.push(at.to_owned());
    }
    match value {
        Value::Union(_, inner) => paths(inner, at, found),
        Value::Record(fields) => {
            fields.iter().for_each(|(name, value)| paths(value, &format!("{at}/{name}"), found));
        }
        Value::Map(entries) => {
            entries.iter().for_each(|(key, value)| paths(value, &format!("{at}/{key}"), found));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(place, value)| paths(value, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

/// What stands at a path of a decoded value, in the words of [`Setup::words`].
fn word<'v>(
    mut value: &'v Value,
    mut schema: &'v Schema,
    steps: &[&str],
    names: &Names<'v>,
) -> String {
    let mut steps = steps.iter();
    loop {
        schema = resolved(schema, names);
        if let (Value::Union(branch, inner), Schema::Union(union)) = (value, schema) {
            (value, schema) = (inner, &union.variants()[*branch as usize]);
            continue;
        }
        let Some(step) = steps.next() else { break };
        let inner = match (value, schema) {
            (Value::Record(fields), Schema::Record(record)) => {
                let at = fields.iter().position(|(name, _)| name == step);
                at.map(|at| (&fields[at].1, &record.fields[at].schema))
            }
            (Value::Map(entries), Schema::Map(map)) => {
                entries.get(*step).map(|value| (value, &*map.types))
            }
            (Value::Array(items), Schema::Array(array)) => {
                let at = step.parse::<usize>().ok();
                at.and_then(|at| items.get(at)).map(|value| (value, &*array.items))
            }
            _ => None,
        };
        match inner {
            Some(inner) => (value, schema) = inner,
            None => return "missing".to_owned(),
        }
    }
    plain(value, schema)
}

fn plain(value: &Value, schema: &Schema) -> String {
    let local = |micros: i64| {
        let time = jiff::Timestamp::from_microsecond(micros).unwrap();
        format!("text {}", jiff::tz::TimeZone::UTC.to_datetime(time))
    };
    let time = |micros: i64| format!("time {}", Time(micros).0);
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) | Value::TimeMillis(value) => format!("whole {value}"),
        Value::Long(value) | Value::TimeMicros(value) => format!("whole {value}"),
        Value::Float(value) => format!("float {:?}", f64::from(*value)),
        Value::Double(value) => format!("float {value:?}"),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => shown(bytes),
        Value::String(text) | Value::Enum(_, text) => format!("text {text}"),
        Value::Decimal(decimal) => {
            let Schema::Decimal(of) = schema else { panic!("{schema:?}") };
            let number = BigInt::from(decimal.clone());
            number_of(&number, of.scale as i64)
        }
        Value::BigDecimal(decimal) => {
            let (number, scale) = decimal.as_bigint_and_exponent();
            number_of(&BigInt::from_signed_bytes_be(&number.to_signed_bytes_be()), scale)
        }
        Value::Uuid(uuid) => format!("text {uuid}"),
        Value::Date(days) => {
            let text = local(i64::from(*days) * 86_400_000_000);
            text.split('T').next().unwrap().to_owned()
        }
        Value::TimestampMillis(value) => time(value * 1000),
        Value::TimestampMicros(value) => time(*value),
        Value::TimestampNanos(value) => time(value.div_euclid(1000)),
        Value::LocalTimestampMillis(value) => local(value * 1000),
        Value::LocalTimestampMicros(value) => local(*value),
        Value::LocalTimestampNanos(value) => local(value.div_euclid(1000)),
        Value::Duration(duration) => shown(&<[u8; 12]>::from(*duration)),
        Value::Array(_) | Value::Map(_) | Value::Record(_) => "nested".to_owned(),
        Value::Union(..) => panic!("a union in a union"),
    }
}

fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("text {text}"),
        Err(_) => bytes.iter().fold("text 0x".to_owned(), |all, b| format!("{all}{b:02x}")),
    }
}

fn number_of(number: &BigInt, scale: i64) -> String {
    match scale {
        0 => format!("whole {number}"),
        _ => format!("float {:?}", format!("{number}e{}", -scale).parse::<f64>().unwrap()),
    }
}

#[test]
fn the_projection_equals_what_the_apache_crate_decodes() {
    let mut random = Random(7);
    let mut compared = 0;
    for case in 0..CASES {
        let schema =
            Maker { random: &mut random, names: 0, done: Vec::new() }.record(0).to_string();
        let parsed = Parsed::new(&written(&schema)).unwrap();
        let names = parsed.names();
        let value = value(&mut random, parsed.root(), &names, 0);
        let mut payload = Vec::new();
        let block = (random.below(2) == 0).then_some(4);
        let writer = GenericDatumWriter::builder(parsed.root()).maybe_target_block_size(block);
        writer.build().unwrap().write_value(&mut payload, value).unwrap();
        let reader = GenericDatumReader::builder(parsed.root()).build().unwrap();
        let decoded = reader.read_value(&mut payload.as_slice()).unwrap();
        let mut all = Vec::new();
        paths(&decoded, "", &mut all);
        all.extend(["/f0/x", "/f0/0", "/none", "/f1/k0é/f0"].map(str::to_owned));
        let share = random.below(4);
        all.retain(|_| random.below(4) <= share);
        let chosen: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut setup = Setup::bare(&schema, &chosen);
        let found = setup.found(&payload);
        for (path, found) in chosen.iter().zip(found) {
            let steps: Vec<&str> = path[1..].split('/').collect();
            let want = word(&decoded, parsed.root(), &steps, &names);
            assert_eq!(found, want, "case {case}, {path} of {schema}");
            compared += 1;
        }
        // Cut off anywhere it is refused, and whatever bytes are turned nothing panics.
        if !payload.is_empty() {
            let end = random.below(payload.len() as u64) as usize;
            assert!(setup.read(&payload[..end]).is_err(), "case {case}: {schema}");
            let at = random.below(payload.len() as u64) as usize;
            payload[at] ^= 1 << random.below(8);
            let _ = setup.read(&payload);
        }
        let n = random.below(40) as usize;
        let noise = random.bytes(n);
        let _ = setup.read(&noise);
    }
    assert!(compared > 5 * CASES, "{compared}");
}
