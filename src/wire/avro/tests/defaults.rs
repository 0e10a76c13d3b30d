//! What stands for a field that the writer does not have: the same as if it had been written.

use super::*;

/// A field's type, its default as the schema has it, and what becomes of it.
const DEFAULTS: &[(&str, &str, &str)] = &[
    (r#""null""#, "null", "null"),
    (r#""boolean""#, "true", "true"),
    (r#""int""#, "-7", "whole -7"),
    (r#""long""#, "9007199254740993", "whole 9007199254740993"),
    (r#""float""#, "0.1", "float 0.10000000149011612"),
    (r#""double""#, "0.1", "float 0.1"),
    (r#""string""#, r#""Bærum""#, "text Bærum"),
    (r#""bytes""#, r#""ab""#, "text ab"),
    (r#""bytes""#, r#""\u00ff\u0001""#, "text 0xff01"),
    (r#"{"type":"fixed","name":"F","size":2}"#, r#""ab""#, "text ab"),
    (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, r#""B""#, "text B"),
    (
        r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#,
        r#""\u0004\u00d2""#,
        "float 12.34",
    ),
    (
        r#"{"type":{"type":"fixed","name":"D","size":3},"logicalType":"decimal","precision":6,"scale":1}"#,
        r#""\u00ff\u00ff\u00fb""#,
        "float -0.5",
    ),
    (
        r#"{"type":"bytes","logicalType":"decimal","precision":30,"scale":0}"#,
        r#""\u0000\u0080\u0000\u0000\u0000\u0000\u0000\u0000\u0000""#,
        "whole 9223372036854775808",
    ),
    (
        r#"{"type":"bytes","logicalType":"big-decimal"}"#,
        r#""\u0004\u0004\u00d2\u0002""#,
        "float 123.4",
    ),
    (r#"{"type":"int","logicalType":"date"}"#, "20393", "text 2025-11-01"),
    (r#"{"type":"int","logicalType":"time-millis"}"#, "1500", "whole 1500"),
    (r#"{"type":"long","logicalType":"time-micros"}"#, "1500", "whole 1500"),
    (
        r#"{"type":"long","logicalType":"timestamp-millis"}"#,
        "1700000000123",
        "time 1700000000123000",
    ),
    (r#"{"type":"long","logicalType":"timestamp-micros"}"#, "-1", "time -1"),
    (r#"{"type":"long","logicalType":"timestamp-nanos"}"#, "-1", "time -1"),
    (
        r#"{"type":"long","logicalType":"local-timestamp-millis"}"#,
        "1700000000123",
        "text 2023-11-14T22:13:20.123",
    ),
    (
        r#"{"type":"long","logicalType":"local-timestamp-micros"}"#,
        "1700000000000000",
        "text 2023-11-14T22:13:20",
    ),
    (
        r#"{"type":"long","logicalType":"local-timestamp-nanos"}"#,
        "1700000000000000999",
        "text 2023-11-14T22:13:20",
    ),
    (
        r#"{"type":{"type":"fixed","name":"L","size":12},"logicalType":"duration"}"#,
        r#""\u0001\u0000\u0000\u0000\u0002\u0000\u0000\u0000\u00ff\u0000\u0000\u0000""#,
        "text 0x0100000002000000ff000000",
    ),
    (
        r#"{"type":"string","logicalType":"uuid"}"#,
        r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#,
        "text 67e55044-10b1-426f-9247-bb680e5fe0c8",
    ),
    (r#"[{"type":"int","logicalType":"date"},"null"]"#, "0", "text 1970-01-01"),
];

const BARE: &str = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"string"}]}"#;

#[test]
fn a_default_is_what_its_value_would_be() {
    for (kind, default, want) in DEFAULTS {
        let reader = format!(
            r#"{{"type":"record","name":"R","fields":[
                {{"name":"id","type":"string"}},{{"name":"x","type":{kind},"default":{default}}}]}}"#
        );
        let mut setup = Setup::framed(&book(&[(1, BARE)]), Some(&reader), &["x", "id"]);
        assert_eq!(setup.found(&framed(1, &[2, b'a'])), [*want, "text a"], "{kind} = {default}");
    }
}

#[test]
fn a_default_that_fits_nothing_is_none_and_spoils_no_schema() {
    for (kind, default) in [
        (r#""int""#, "4294967296"),
        (r#""int""#, r#""1""#),
        (r#""double""#, "null"),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, r#""B""#),
        (r#"{"type":"fixed","name":"F","size":2}"#, r#""abc""#),
        (r#""bytes""#, r#""\u0100""#),
        (r#"["null","string"]"#, "7"),
    ] {
        let schema = format!(
            r#"{{"type":"record","name":"R","fields":[
                {{"name":"id","type":"string"}},{{"name":"x","type":{kind},"default":{default}}}]}}"#
        );
        let mut setup = Setup::framed(&book(&[(1, BARE)]), Some(&schema), &["x"]);
        assert_eq!(setup.found(&framed(1, &[2, b'a'])), ["missing"], "{kind} = {default}");
    }
}
