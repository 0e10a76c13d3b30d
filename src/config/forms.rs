//! The forms that values take in a file: lengths of time, sizes, short forms of tables. Each knows
//! how to read itself, how to print itself, and its JSON Schema.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::event::Span;

/// A value that is written as one text.
pub trait Word: Sized {
    /// What it is, for errors: "a length of time such as 24h".
    const WHAT: &'static str;
    /// Reads it; the error is a sentence.
    ///
    /// # Errors
    /// Any other text.
    fn read(text: &str) -> Result<Self, String>;
}

/// Reads one word; a bare number is refused with the word's own sentence.
struct WordVisitor<T>(PhantomData<T>);

impl<T: Word> Visitor<'_> for WordVisitor<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::read(&number.to_string()).map_err(E::custom)
    }
}

macro_rules! word {
    ($type:ident, $name:literal, $example:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
                d.deserialize_any(WordVisitor::<$type>(PhantomData))
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "description": <$type as Word>::WHAT,
                              "examples": $example})
            }
        }
    };
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub Span);

impl Word for Length {
    const WHAT: &'static str = "a length of time such as \"30s\", \"90m\", \"24h\" or \"7d\"";
    fn read(text: &str) -> Result<Length, String> {
        Span::parse(text).map(Length).map_err(|e| e.to_string())
    }
}

/// `24h`, not `1d`: what people write for windows.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = 3_600_000_000;
        match self.0.0 {
            us if us > 0 && us % hours == 0 && us / hours <= 72 => write!(f, "{}h", us / hours),
            _ => self.0.fmt(f),
        }
    }
}
word!(Length, "LengthOfTime", ["30s", "24h"]);

/// A length of time before something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ago(pub Span);

impl Word for Ago {
    const WHAT: &'static str = "a time before such as \"7d ago\"";
    fn read(text: &str) -> Result<Ago, String> {
        let length = text
            .strip_suffix("ago")
            .map(str::trim_end)
            .ok_or("it must end in `ago`, such as \"7d ago\"")?;
        Span::parse(length).map(Ago).map_err(|e| e.to_string())
    }
}

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ago", self.0)
    }
}
word!(Ago, "TimeBefore", ["7d ago", "24h ago"]);

/// A length of time, or a number of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Event time.
    Time(Span),
    /// Events in the order of reading.
    Events(u64),
}

impl Word for Extent {
    const WHAT: &'static str =
        "a length of time such as \"24h\", or a number of events such as \"5000 events\"";
    fn read(text: &str) -> Result<Extent, String> {
        let bad = || {
            format!(
                "'{text}' is neither a length of time such as \"24h\" nor a number of events such as \"5000 events\""
            )
        };
        if let Some(number) = text.trim().strip_suffix("events") {
            let digits = number.trim().replace('_', "");
            return digits.parse().map(Extent::Events).map_err(|_| bad());
        }
        Span::parse(text).map(Extent::Time).map_err(|_| bad())
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Time(span) => Length(*span).fmt(f),
            Extent::Events(number) => write!(f, "{number} events"),
        }
    }
}
word!(Extent, "Extent", ["24h", "5000 events"]);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

const SIZES: [(&str, u64); 9] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Word for Size {
    const WHAT: &'static str = "a size such as \"256MB\", \"1GB\" or \"4GiB\"";
    fn read(text: &str) -> Result<Size, String> {
        let bad = || format!("'{text}' is not {}", Size::WHAT);
        let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
        let (number, unit) = (text[..split].trim(), text[split..].trim());
        let number: u64 = number.parse().map_err(|_| bad())?;
        let (_, bytes) =
            SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(bad)?;
        number.checked_mul(*bytes).map(Size).ok_or_else(bad)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, bytes): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*bytes);
        let (name, bytes) = SIZES.iter().find(whole).copied().unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / bytes)
    }
}
word!(Size, "Size", ["256MB", "1GB"]);

/// A value that compares as text: `17` and `"17"` are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Scalar, D::Error> {
        struct ScalarVisitor;
        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }
            fn visit_str<E>(self, v: &str) -> Result<Scalar, E> {
                Ok(Scalar(v.to_owned()))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
        }
        d.deserialize_any(ScalarVisitor)
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Many<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Many<T>, D::Error> {
        struct ManyVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Many<T>, E> {
                one(v)
            }
            fn visit_bool<E: de::Error>(self, v: bool) -> Result<Many<T>, E> {
                one(v)
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Many<T>, E> {
                one(v)
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Many<T>, E> {
                one(v)
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Many<T>, E> {
                one(v)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Many<T>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Many)
            }
        }
        fn one<'de, T: Deserialize<'de>, E: de::Error>(
            v: impl de::IntoDeserializer<'de, E>,
        ) -> Result<Many<T>, E> {
            T::deserialize(v.into_deserializer()).map(|v| Many(vec![v]))
        }
        d.deserialize_any(ManyVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}

/// A table of which a single text is the short form.
pub trait Shortened: Sized {
    /// The table that this text is short for.
    fn from_text(text: &str) -> Self;
}

/// Reads a text or a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Short<T>(pub T);

impl<'de, T: Deserialize<'de> + Shortened> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Short<T>, D::Error> {
        struct ShortVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Shortened> Visitor<'de> for ShortVisitor<T> {
            type Value = Short<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a table")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Short<T>, E> {
                Ok(Short(T::from_text(text)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Short<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Short)
            }
        }
        d.deserialize_any(ShortVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Short<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("TextOr{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        json_schema!({"anyOf": [{"type": "string"}, table]})
    }
}

/// A table with a `kind`, whose other keys are that kind's options.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Kinded(pub Map<String, Value>);

impl Kinded {
    /// Its kind, where it has one.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.0.get("kind").and_then(Value::as_str)
    }
}

impl Shortened for Kinded {
    fn from_text(text: &str) -> Kinded {
        Kinded(Map::from_iter([("kind".to_owned(), Value::from(text))]))
    }
}

impl<'de> Deserialize<'de> for Kinded {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Kinded, D::Error> {
        Map::deserialize(d).map(Kinded)
    }
}

impl JsonSchema for Kinded {
    fn schema_name() -> Cow<'static, str> {
        "TableWithKind".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "required": ["kind"],
                      "properties": {"kind": {"type": "string"}}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, String> {
        T::deserialize(&value).map_err(|e| e.to_string())
    }

    #[test]
    fn words_read_and_print_as_people_write_them() {
        for (text, back) in [("24h", "24h"), ("90m", "90m"), ("7d", "7d"), ("500ms", "500ms")] {
            assert_eq!(read::<Length>(json!(text)).unwrap().to_string(), back);
        }
        assert_eq!(read::<Extent>(json!("5_000 events")).unwrap(), Extent::Events(5000));
        assert!(read::<Extent>(json!("many events")).is_err());
        assert!(read::<Length>(json!(30)).unwrap_err().contains("30s"));
        for (text, bytes) in [("1GB", 1_000_000_000), ("256 MB", 256_000_000), ("4GiB", 4 << 30)] {
            assert_eq!(read::<Size>(json!(text)), Ok(Size(bytes)));
        }
        assert_eq!(Size(256_000_000).to_string(), "256MB");
        assert_eq!(Size(4 << 30).to_string(), "4GiB");
        for bad in ["1", "GB", "-1GB", "1.5GB", "99999999999TB"] {
            assert!(read::<Size>(json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_stands_for_a_list_and_a_text_for_a_table() {
        assert_eq!(read::<Many<String>>(json!("a")), Ok(Many(vec!["a".to_owned()])));
        assert_eq!(read::<Many<Scalar>>(json!([1, true, "x"])).unwrap().0.len(), 3);
        assert_eq!(read::<Many<Scalar>>(json!(1)), Ok(Many(vec![Scalar("1".to_owned())])));
        assert_eq!(read::<Short<Kinded>>(json!("psi")).unwrap().0.kind(), Some("psi"));
        let table = read::<Short<Kinded>>(json!({"kind": "psi", "bins": 20})).unwrap();
        assert_eq!(table.0.0.get("bins"), Some(&json!(20)));
        assert!(read::<Short<Kinded>>(json!([1])).is_err());
    }
}
