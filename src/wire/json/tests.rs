use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::super::cell::{Cell, Cells};
use super::super::path::{Path, Place};
use super::super::plan::FieldPlan;
use super::*;

struct Setup {
    paths: Vec<Path>,
    plan: Arc<FieldPlan>,
    reader: JsonReader,
    cells: Cells,
}

impl Setup {
    fn new(paths: &[&str]) -> Setup {
        let paths: Vec<Path> = paths.iter().map(|p| Path::parse(p).unwrap()).collect();
        Setup::of(paths)
    }

    fn of(paths: Vec<Path>) -> Setup {
        let plan = Arc::new(FieldPlan::new(&paths));
        let reader = JsonReader::new(&plan);
        let cells = Cells::new(plan.slots());
        Setup { paths, plan, reader, cells }
    }

    fn read(&mut self, payload: &[u8]) -> Result<(), Reason> {
        self.cells.clear();
        let record = Record::alone(payload);
        self.reader.read(&record, payload, &mut self.cells).map_err(|unread| match unread {
            Unread::Refused(refusal) => refusal.reason,
            Unread::Held(id) => panic!("JSON has no schema {id}"),
        })
    }

    /// What stands at the paths, as JSON values; lists and objects as `[]`.
    fn found(&mut self, payload: &str) -> Vec<Option<Value>> {
        self.read(payload.as_bytes()).unwrap();
        let view = self.cells.view(payload.as_bytes());
        let found = self.paths.iter().map(|path| match view.cell(self.plan.slot(path)) {
            Cell::Missing => None,
            Cell::Null => Some(Value::Null),
            Cell::Bool(value) => Some(value.into()),
            Cell::Number { value, .. } => Some(value.into()),
            Cell::Text(text) => Some(view.text(text).into()),
            Cell::Nested => Some(Value::Array(vec![])),
            other => panic!("{other:?}"),
        });
        found.collect()
    }
}

/// The same by `serde_json`'s value tree.
fn looked_up(document: &Value, path: &Path) -> Option<Value> {
    let Place::Payload(steps) = path.place() else { unreachable!() };
    let mut value = document;
    for step in steps {
        value = match value {
            Value::Object(fields) => fields.get(step)?,
            // serde_json's own pointer rules for positions.
            Value::Array(_) => value.pointer(&format!("/{step}"))?,
            _ => return None,
        };
    }
    Some(match value {
        Value::Array(_) | Value::Object(_) => Value::Array(vec![]),
        Value::Number(number) => number.as_f64().into(),
        plain => plain.clone(),
    })
}

#[test]
fn wanted_places_are_found_wherever_they_stand() {
    let mut setup = Setup::new(&["a", "b.c", "/b/d.e", "list.1", "list.0.x", "/b/", "é", "gone.x"]);
    let found = setup.found(
        r#" { "skip" : [1,{"a":2}], "list":[{"x":"first"}, -1.5e1, 3],
             "b":{"d.e":true,"":null,"c":"t\"\\\n"}, "\u00e9":"\ud83d\ude00", "a" : {} , "z": 0.1 } "#,
    );
    let want: Vec<Option<Value>> = vec![
        Some(Value::Array(vec![])),
        Some("t\"\\\n".into()),
        Some(true.into()),
        Some((-15.0).into()),
        Some("first".into()),
        Some(Value::Null),
        Some("😀".into()),
        None,
    ];
    assert_eq!(found, want);
}

#[test]
fn of_a_repeated_name_the_last_value_counts_as_a_whole() {
    let mut setup = Setup::new(&["a.x", "a.y", "b"]);
    let found = setup.found(r#"{"a":{"x":1,"y":2},"b":1,"\u0062":"two","a":{"x":3}}"#);
    assert_eq!(found, [Some(3.0.into()), None, Some("two".into())]);
    let found = setup.found(r#"{"a":{"x":1,"y":2},"a":null}"#);
    assert_eq!(found, [None, None, None]);
}

#[test]
fn nothing_is_left_of_the_record_before() {
    let mut setup = Setup::new(&["a", "b.c"]);
    setup.found(r#"{"a":"\u0041","b":{"c":1}}"#);
    assert_eq!(setup.found("{}"), [None, None]);
    assert!(setup.read(br#"{"a":1"#).is_err());
    assert_eq!(setup.found(r#"{"b":{"c":2}}"#), [None, Some(2.0.into())]);
}

#[test]
fn each_way_of_being_wrong_has_its_reason() {
    let mut setup = Setup::new(&["a", "b.c"]);
    for (payload, reason) in [
        (&b"{\"a\":1}x"[..], Reason::BadJson),
        (b"{\"a\":1}{\"a\":2}", Reason::BadJson),
        (b"{a:1}", Reason::BadJson),
        (b"{'a':1}", Reason::BadJson),
        (b"{\"a\":01}", Reason::BadJson),
        (b"{\"a\":+1}", Reason::BadJson),
        (b"{\"a\":.5}", Reason::BadJson),
        (b"{\"a\":1.}", Reason::BadJson),
        (b"{\"a\":1.e5}", Reason::BadJson),
        (b"{\"a\":NaN}", Reason::BadJson),
        (b"{\"a\":1,}", Reason::BadJson),
        (b"{\"a\" 1}", Reason::BadJson),
        (b"[1,]", Reason::BadJson),
        (b"[1 2]", Reason::BadJson),
        (b"{\"a\":\"\x01\"}", Reason::BadJson),
        (b"{\"a\":\"\\x\"}", Reason::BadJson),
        (b"{\"a\":\"\\u12g4\"}", Reason::BadJson),
        (b"{\"a\":\"\\ud800\"}", Reason::BadJson),
        (b"\xef\xbb\xbf{}", Reason::BadJson),
        (b"{\"a\":\"\xff\"}", Reason::BadUtf8),
        (b"{\"z\":\"\xc3\x28\"}", Reason::BadUtf8),
        (b"{\"a\":\"\xc3", Reason::Truncated),
        (b"{\"a\":1", Reason::Truncated),
        (b"{\"a\":", Reason::Truncated),
        (b"{\"a", Reason::Truncated),
        (b"{\"a\":\"x\\", Reason::Truncated),
        (b"{\"a\":\"\\u00", Reason::Truncated),
        (b"{\"a\":tru", Reason::Truncated),
        (b"{\"a\":-", Reason::Truncated),
        (b"{\"a\":1e", Reason::Truncated),
        (b"{\"a\":[1,", Reason::Truncated),
        (b"{", Reason::Truncated),
        (b"17", Reason::NotObject),
        (b"\"text\"", Reason::NotObject),
        (b"null", Reason::NotObject),
    ] {
        let said = String::from_utf8_lossy(payload).into_owned();
        assert_eq!(setup.read(payload), Err(reason), "{said}");
    }
    // Half a pair spoils a text only where somebody wants it.
    assert_eq!(setup.read(b"{\"z\":\"\\ud800\",\"\\ud800\":1}"), Ok(()));
}

#[test]
fn depth_is_bounded_where_nobody_looks_too() {
    let mut setup = Setup::new(&["a"]);
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(setup.read(nested(64).as_bytes()), Ok(()));
    assert_eq!(setup.read(nested(65).as_bytes()), Err(Reason::TooDeep));
    assert_eq!(setup.read("{\"z\":[".repeat(500_000).as_bytes()), Err(Reason::TooDeep));
}

#[test]
fn numbers_keep_their_spelling_and_may_be_beyond_f64() {
    let payload = r#"{"a":12345678901234567890123,"b":1e999,"c":1.0,"d":-0}"#;
    let mut setup = Setup::new(&["a", "b", "c", "d"]);
    setup.read(payload.as_bytes()).unwrap();
    let view = setup.cells.view(payload.as_bytes());
    let mut scratch = String::new();
    let words: Vec<String> = setup
        .paths
        .iter()
        .map(|p| view.word(setup.plan.slot(p), &mut scratch).unwrap().to_owned())
        .collect();
    assert_eq!(words, ["12345678901234567890123", "1e999", "1", "0"]);
    let b = setup.plan.slot(&setup.paths[1]);
    assert_eq!(view.number(b, true), Err(crate::event::Absent::BadType));
}

/// A document as producers write them: any names, escapes, numbers and spaces, repeated names.
fn document() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[abc]", "[a-c0-2]{0,2}", Just("é\"\\".to_owned())];
    let spelled = |text: String, escape: bool| {
        if escape {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            format!("\"{}\"", units.collect::<String>())
        } else {
            serde_json::to_string(&text).unwrap()
        }
    };
    let string = ("\\PC{0,12}", any::<bool>()).prop_map(move |(t, e)| spelled(t, e));
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        any::<f64>()
            .prop_filter("JSON has no others", |x| x.is_finite())
            .prop_map(|x| format!("{x:?}")),
        any::<i64>().prop_map(|x| x.to_string()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?",
        string,
    ];
    let tree = leaf.prop_recursive(5, 60, 6, move |inner| {
        let field = (name.clone(), any::<bool>(), inner.clone())
            .prop_map(move |(name, escape, value)| format!("{}:{value}", spelled(name, escape)));
        let space = "[ \n\t\r]{0,2}";
        let object = (prop::collection::vec(field, 0..6), space)
            .prop_map(|(fields, space)| format!("{{{space}{}{space}}}", fields.join(&format!("{space},{space}"))));
        prop_oneof![
            3 => object,
            1 => prop::collection::vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(","))),
        ]
    });
    tree.prop_filter("a document has fields", |text| text.starts_with(['{', '[']))
}

fn paths() -> impl Strategy<Value = Vec<Path>> {
    let step = prop_oneof!["[abc]", "[a-c0-2]{0,2}", Just("é\"\\".to_owned())];
    let path = prop::collection::vec(step, 1..4).prop_map(|steps| {
        let pointer: String = steps.iter().map(|step| format!("/{step}")).collect();
        Path::parse(&pointer).unwrap()
    });
    prop::collection::vec(path, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Against serde_json's value tree: same values at the same places, three times over, so
    /// that learnt orders of names are part of it.
    #[test]
    fn finds_what_serde_json_finds(
        documents in prop::collection::vec(document(), 1..4), paths in paths(),
    ) {
        let mut setup = Setup::of(paths);
        for text in documents.iter().cycle().take(3 * documents.len()) {
            let Ok(tree) = serde_json::from_str::<Value>(text) else {
                // Its value tree has no place for what is beyond f64.
                continue;
            };
            let want: Vec<_> = setup.paths.iter().map(|path| looked_up(&tree, path)).collect();
            prop_assert_eq!(setup.found(text), want, "{}", text);
        }
    }

    /// Against serde_json on broken documents: accepts what it accepts, refuses what it refuses.
    #[test]
    fn accepts_what_serde_json_accepts(
        text in document(), cut in any::<prop::sample::Index>(), how in 0..4, byte in any::<u8>(),
    ) {
        let mut bytes = text.into_bytes();
        let at = cut.index(bytes.len());
        match how {
            0 => bytes.truncate(at),
            1 => bytes[at] = byte,
            2 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        let theirs = std::str::from_utf8(&bytes)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        let ours = Setup::new(&[]).read(&bytes);
        let ours_accepts = matches!(ours, Ok(()) | Err(Reason::NotObject | Reason::TooDeep));
        prop_assert_eq!(ours_accepts, theirs, "{:?} {}", ours, String::from_utf8_lossy(&bytes));
    }

    /// A document that was cut off is told from one that is wrong.
    #[test]
    fn what_is_cut_off_is_truncated(text in document(), cut in any::<prop::sample::Index>()) {
        let whole = text.trim_end();
        let at = cut.index(whole.len());
        let start = whole.len() - whole.trim_start().len();
        if at > start {
            let read = Setup::new(&["a", "b.c"]).read(&whole.as_bytes()[..at]);
            prop_assert_eq!(read, Err(Reason::Truncated), "{}", &whole);
        }
    }

    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Setup::new(&["a", "0", "b.c"]).read(&bytes);
    }

    #[test]
    fn no_likely_bytes_break_it(text in "[\\[\\]{}:,\"\\\\a-cu0-9eE.+\\- tfn]{0,60}") {
        let ours = Setup::new(&[]).read(text.as_bytes());
        let ours = matches!(ours, Ok(()) | Err(Reason::NotObject | Reason::TooDeep));
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    /// Numbers come out as the standard library's correctly rounded ones, to the bit.
    #[test]
    fn numbers_are_rounded_correctly(
        text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?",
        after in "([,}\\] ][0-9a-z\":]{0,12})?",
    ) {
        let number = scan::number::<true>(format!("{text}{after}").as_bytes(), 0).unwrap();
        prop_assert_eq!(number.end, text.len());
        prop_assert_eq!(number.value.to_bits(), text.parse::<f64>().unwrap().to_bits());
    }
}
