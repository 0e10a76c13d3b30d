//! What is refused of formats and registries, and what a schema says of features.

use super::*;
use crate::plan::SeriesKind;
use crate::stats::Dtype;

const REGISTRY: &str = "[registries.main]\nurl = \"http://r:8081/api\"\n";

fn avro(format: &str, added: &str) -> String {
    let topic = format!("topic = \"p\"\nformat = {format}\n");
    SMALL.replace("topic = \"p\"\n", &topic) + added
}

fn asking(added: &str) -> String {
    avro("{ kind = \"avro\", registry = \"main\" }", &format!("{REGISTRY}{added}"))
}

#[test]
fn formats_that_lack_a_schema_or_name_no_registry() {
    let at = "models.m.predictions.format";
    one(&avro("\"avro\"", ""), &format!("{at}.registry"), "schema = \"FILE.avsc\"");
    let slip = "{ kind = \"avro\", registry = \"main\", subjct = \"s\" }";
    one(&avro(slip, REGISTRY), &format!("{at}.subjct"), "subject");
    let other = avro("{ kind = \"avro\", registry = \"mian\" }", REGISTRY);
    one(&other, &format!("{at}.registry"), "`main`");
    let none = avro("{ kind = \"avro\", registry = \"main\" }", "");
    one(&none, &format!("{at}.registry"), "[registries.main]");
    let gone = avro("{ kind = \"avro\", schema = \"gone.avsc\" }", "");
    one(&gone, &format!("{at}.schema"), "gone.avsc");
    let subject = avro("{ kind = \"avro\", schema = \"p.avsc\", subject = \"s\" }", "");
    let project = Project::new(&subject).with("p.avsc", SCHEMA);
    assert!(text(&project.problems()).contains("belongs to a registry"));
    let torn = avro("{ kind = \"avro\", schema = \"p.avsc\" }", "");
    let project = Project::new(&torn).with("p.avsc", "{\"type\":\"record\"}");
    assert!(text(&project.problems()).contains("cannot be read"));
}

#[test]
fn registries() {
    let bad = |line: &str, key: &str, words: &str| {
        one(&asking(line), &format!("registries.main{key}"), words);
    };
    let url = asking("").replace("http://r:8081/api", "r:8081");
    one(&url, "registries.main.url", "http://HOST");
    let url = asking("").replace("http://r", "http://user:word@r");
    one(&url, "registries.main.url", "username");
    bad("password = \"hunter2\"\nusername = \"u\"\n", ".password", "env:NAME");
    bad("token = \"hunter2\"\n", ".token", "env:NAME");
    bad("certificate = \"client.pem\"\n", ".certificate", "file:PATH");
    bad("username = \"u\"\n", "", "belong together");
    bad("username = \"u\"\npassword = \"env:SECRET\"\ntoken = \"env:SECRET\"\n", "", "one of them");
    bad("token = \"env:ABSENT\"\n", ".token", "is not set");
    bad("ca = \"gone.pem\"\n", ".ca", "PEM");
    bad("headers = { \"a b\" = \"x\" }\n", ".headers.\"a b\"", "no name of a header");
    bad("headers = { Authorization = \"x\" }\n", ".headers.Authorization", "env:NAME");
    bad("timeout = \"2m\"\n", ".timeout", "at most");
    bad("patience = \"0s\"\n", ".patience", "above 0");
    bad("user = \"u\"\n", ".user", "username");
    let (_, warnings) = Project::new(&format!("{SMALL}{REGISTRY}")).load().unwrap();
    assert!(text(&warnings).contains("asked by no topic"), "{}", text(&warnings));
    let fine =
        asking("username = \"u\"\npassword = \"env:SECRET\"\nheaders = { x-a = \"env:SECRET\" }\n");
    let settings = Project::new(&fine).settings();
    let registry = &settings.registries["main"];
    assert_eq!(registry.url, "http://r:8081/api");
    assert!(!format!("{registry:?}").contains(&signing_secret()));
}

const SCHEMA: &str = r#"{"type":"record","name":"P","fields":[
    {"name":"x","type":["null","float"]},{"name":"city","type":"string"},
    {"name":"zone","type":{"type":"enum","name":"Z","symbols":["N"]}},
    {"name":"n","type":"long"},{"name":"text","type":"string"}]}"#;

#[test]
fn features_are_what_the_schema_says_unless_they_say_otherwise() {
    let features = "features = { x = \"x\", city = \"city\", zone = \"zone\", n = \"n\", \
                    wide = { path = \"x\", dtype = \"f64\" }, number = { path = \"n\", type = \
                    \"category\" }, text = { path = \"text\", coerce = true }, gone = \"gone\" }\n";
    let main = avro("{ kind = \"avro\", schema = \"p.avsc\" }", "");
    let old = "features = { x = \"x\", city = { path = \"city\", type = \"category\" } }\n";
    assert!(main.contains(old));
    let settings = Project::new(&main.replace(old, features)).with("p.avsc", SCHEMA).settings();
    let kind =
        |name: &str| settings.plan.models[0].features.iter().find(|f| f.name == name).unwrap().kind;
    assert_eq!(kind("x"), SeriesKind::Numeric(Dtype::F32));
    assert_eq!(kind("wide"), SeriesKind::Numeric(Dtype::F64));
    assert_eq!(kind("n"), SeriesKind::Numeric(Dtype::F64));
    for category in ["city", "zone", "number"] {
        assert_eq!(kind(category), SeriesKind::Category, "{category}");
    }
    for numeric in ["text", "gone"] {
        assert_eq!(kind(numeric), SeriesKind::Numeric(Dtype::F64), "{numeric}");
    }
}
