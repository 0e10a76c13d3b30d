//! Records made to hurt: none does, and each has its reason. What goes wrong in the field is added
//! here.

use std::time::{Duration, Instant};

use super::*;

const RIDE: &str = r#"{"type":"record","name":"Ride","fields":[
    {"name":"id","type":"string"},{"name":"fare","type":["null","double"]},
    {"name":"seats","type":"int"},{"name":"city","type":{"type":"enum","name":"C","symbols":["A","B"]}},
    {"name":"tags","type":{"type":"map","values":"string"}},
    {"name":"stops","type":{"type":"array","items":"long"}},
    {"name":"void","type":{"type":"array","items":"null"}},
    {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"paid","type":"boolean"},
    {"name":"next","type":["null","Ride"]}]}"#;

/// Everything is wanted, some things, nothing: the way past a field is as safe as the way into it.
const WANTED: &[&[&str]] = &[
    &[
        "id",
        "fare",
        "seats",
        "city",
        "tags.k",
        "stops.1",
        "void.9",
        "price",
        "day",
        "paid",
        "next.id",
        "next.next.next.fare",
    ],
    &["tags.k", "next.day"],
    &["paid"],
    &[],
];

/// A ride up to its field `n`, in the encoding of Avro; `next` is null.
const FIELDS: [&[u8]; 11] = [
    &[4, b'r', b'1'],
    &[2, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
    &[8],
    &[2],
    &[2, 2, b'k', 2, b'v', 0],
    &[4, 2, 4, 0],
    &[6, 0],
    &[4, 0x04, 0xd2],
    &[2],
    &[1],
    &[0],
];

const MAX: &[u8] = &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
const MIN: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
const WIDE: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
const ENDLESS: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80];

/// What stands in the place of a field, and how that is refused: when it is wanted, and when it is
/// passed (`None`: nobody notices, as nobody needs to).
type Hostile = (&'static str, usize, &'static [u8], Reason, Option<Reason>);

const HOSTILE: &[Hostile] = &[
    ("a text of negative length", 0, &[1], Reason::BadAvro, Some(Reason::BadAvro)),
    ("a text as long as can be", 0, MAX, Reason::Truncated, Some(Reason::Truncated)),
    ("a length of more than 64 bits", 0, WIDE, Reason::BadAvro, Some(Reason::BadAvro)),
    ("a length that does not end", 0, ENDLESS, Reason::BadAvro, Some(Reason::BadAvro)),
    ("a text that is not UTF-8", 0, &[4, 0xc3, 0x28], Reason::BadUtf8, None),
    ("half of a surrogate pair", 0, &[6, 0xed, 0xa0, 0x80], Reason::BadUtf8, None),
    ("a branch that is not there", 1, &[4], Reason::BadAvro, Some(Reason::BadAvro)),
    ("a negative branch", 1, &[1], Reason::BadAvro, Some(Reason::BadAvro)),
    ("the greatest branch", 1, MAX, Reason::BadAvro, Some(Reason::BadAvro)),
    ("an int of 33 bits", 2, &[0x80, 0x80, 0x80, 0x80, 0x20], Reason::BadAvro, None),
    ("a symbol that is not there", 3, &[4], Reason::BadAvro, None),
    ("a negative symbol", 3, &[1], Reason::BadAvro, None),
    ("a map of as many entries as can be", 4, MAX, Reason::Truncated, Some(Reason::Truncated)),
    ("a map block of negative bytes", 4, &[1, 1], Reason::BadAvro, Some(Reason::BadAvro)),
    (
        "a map block longer than the record",
        4,
        &[1, 0xfe, 1],
        Reason::Truncated,
        Some(Reason::Truncated),
    ),
    ("more map entries than bytes", 4, &[9, 2, 0, 0], Reason::BadAvro, Some(Reason::BadAvro)),
    (
        "a map block of the least count",
        4,
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 0, 0],
        Reason::BadAvro,
        Some(Reason::BadAvro),
    ),
    ("a map key of negative length", 4, &[2, 1, 0, 0], Reason::BadAvro, Some(Reason::BadAvro)),
    ("a list of as many items as can be", 5, MAX, Reason::Truncated, Some(Reason::Truncated)),
    ("a list block of negative bytes", 5, &[1, 1], Reason::BadAvro, Some(Reason::BadAvro)),
    ("more items than bytes", 5, &[9, 4, 2, 2, 0], Reason::BadAvro, Some(Reason::BadAvro)),
    ("a block longer than it says", 5, &[3, 4, 2, 0x80, 1, 0], Reason::BadAvro, None),
    ("a decimal of negative length", 7, &[1], Reason::BadAvro, Some(Reason::BadAvro)),
    ("a decimal as long as can be", 7, MAX, Reason::Truncated, Some(Reason::Truncated)),
    ("a day of more than 32 bits", 8, MIN, Reason::BadAvro, None),
    ("a boolean that is neither", 9, &[2], Reason::BadAvro, None),
    ("a truth of 255", 9, &[0xff], Reason::BadAvro, None),
];

fn ride(place: usize, field: &[u8]) -> Vec<u8> {
    let fields = FIELDS.iter().enumerate();
    fields.flat_map(|(at, own)| if at == place { field } else { own }).copied().collect()
}

fn reason(setup: &mut Setup, payload: &[u8]) -> Option<Reason> {
    setup.read(payload).err().map(|unread| unread.refusal().reason)
}

#[test]
fn the_ride_itself_is_sound() {
    let mut setup = Setup::bare(RIDE, WANTED[0]);
    let want = [
        "text r1",
        "float 1.0",
        "whole 4",
        "text B",
        "text v",
        "whole 2",
        "missing",
        "float 12.34",
        "text 1970-01-02",
        "true",
        "missing",
        "missing",
    ];
    assert_eq!(setup.found(&FIELDS.concat()), want);
}

#[test]
fn what_is_hostile_has_its_reason() {
    let mut all = Setup::bare(RIDE, WANTED[0]);
    let mut none = Setup::bare(RIDE, WANTED[3]);
    for (what, place, field, wanted, passed) in HOSTILE {
        let payload = ride(*place, field);
        assert_eq!(reason(&mut all, &payload), Some(*wanted), "{what}");
        if passed.is_some() {
            assert_eq!(reason(&mut none, &payload), *passed, "{what}, passed");
        }
    }
}

#[test]
fn wherever_a_record_ends_too_early_it_is_truncated_and_what_follows_is_told() {
    let deep = [&FIELDS.concat()[..FIELDS.concat().len() - 1], &[2], &FIELDS.concat()].concat();
    for paths in WANTED {
        let mut setup = Setup::bare(RIDE, paths);
        for whole in [FIELDS.concat(), deep.clone()] {
            assert_eq!(reason(&mut setup, &whole), None);
            for end in 0..whole.len() {
                assert_eq!(reason(&mut setup, &whole[..end]), Some(Reason::Truncated), "{end}");
            }
            for more in [&[0][..], &[0xff; 7], &whole] {
                let longer = [&whole, more].concat();
                assert_eq!(reason(&mut setup, &longer), Some(Reason::TrailingBytes));
            }
        }
    }
}

#[test]
fn one_wrong_byte_anywhere_does_no_harm() {
    let whole = FIELDS.concat();
    let began = Instant::now();
    for paths in WANTED {
        let mut setup = Setup::bare(RIDE, paths);
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut payload = whole.clone();
                payload[at] = byte;
                let _ = setup.read(&payload);
                payload.splice(at..=at, [byte, 0xff, 0xff, 0xff, 0x7f]);
                let _ = setup.read(&payload);
            }
        }
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn values_in_each_other_end_at_a_bound() {
    let open = &FIELDS.concat()[..FIELDS.concat().len() - 1];
    let nested = |depth: usize| {
        let mut payload = [open, &[2]].concat().repeat(depth);
        payload.extend(FIELDS.concat());
        payload
    };
    for paths in WANTED {
        let mut setup = Setup::bare(RIDE, paths);
        assert_eq!(reason(&mut setup, &nested(20)), None);
        assert_eq!(reason(&mut setup, &nested(10_000)), Some(Reason::TooDeep));
    }
    // Lists in lists, maps in maps: the schema bounds them.
    let lists = (0..60)
        .fold("\"int\"".to_owned(), |inner, _| format!(r#"{{"type":"array","items":{inner}}}"#));
    let schema =
        format!(r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{lists}}}]}}"#);
    let mut setup = Setup::bare(&schema, &["a.0.0.0"]);
    assert_eq!(reason(&mut setup, &[2; 100]), Some(Reason::Truncated));
    let _ = setup.read(&[2; 5_000]);
}

#[test]
fn schemas_that_hold_nothing_but_themselves_are_no_trap() {
    for schema in [
        r#"{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record","name":"B",
            "fields":[{"name":"a","type":"A"}]}}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"a","type":{"type":"array","items":"A"}}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"a","type":{"type":"map","values":"A"}}]}"#,
    ] {
        for path in ["a.a.a", "b.a.b", "x"] {
            let mut setup = Setup::bare(schema, &[path]);
            for payload in [&[][..], &[0], &[2; 600], &[0xff; 600], MAX] {
                let began = Instant::now();
                let _ = setup.read(payload);
                assert!(began.elapsed() < Duration::from_secs(2), "{schema} {path} {payload:?}");
            }
        }
    }
}
