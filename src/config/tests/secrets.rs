//! Secrets: where they may stand, when they are read, and that they never show.

use super::*;

const CANARY: &str = "canary-e5a1";

fn with_notifier(text: &str) -> Project {
    Project::new(&format!("{SMALL}{TOLD}[notifiers]\n{text}\n"))
}

/// Somebody hears, so that nothing is warned of.
const TOLD: &str = "[models.m.notify]\ncritical = [\"w\"]\n";

const WEBHOOK: &str = "w = { kind = \"webhook\", url = \"http://h/x\", secret = \"env:HOOK\" }";

#[test]
fn literals_are_refused_and_never_repeated() {
    let main = format!(
        "{SMALL}\n[http]\ntoken = \"{CANARY}\"\n\
         [kafka.properties]\n\"sasl.password\" = \"{CANARY}\"\nssl.key.pem = \"{CANARY}\"\n\
         \"ssl.key.password\" = \"{CANARY}\"\nsasl.oauthbearer.client.secret = \"{CANARY}\"\n\
         [notifiers]\nw = {{ kind = \"webhook\", url = \"http://h/x\", secret = \"{CANARY}\" }}\n\
         p = {{ kind = \"pagerduty\", routing_key = \"{CANARY}\" }}\n"
    );
    let problems = Project::new(&main).problems();
    let told = text(&problems);
    for key in [
        "http.token",
        "kafka.properties.\"sasl.password\"",
        "kafka.properties.\"ssl.key.pem\"",
        "kafka.properties.\"ssl.key.password\"",
        "kafka.properties.\"sasl.oauthbearer.client.secret\"",
        "notifiers.w.secret",
        "notifiers.p.routing_key",
    ] {
        assert!(problems.iter().any(|p| p.key == key), "{key}\n{told}");
    }
    assert!(!told.contains(CANARY), "{told}");
    assert!(!serde_json::to_string(&problems).unwrap().contains(CANARY));
}

#[test]
fn an_unset_secret_stops_a_run_warns_a_check_without_connections_and_is_no_matter_to_a_replay() {
    for (mode, severity) in [
        (Mode::Run, Some(Severity::Error)),
        (Mode::Check, Some(Severity::Error)),
        (Mode::CheckNoConnect, Some(Severity::Warning)),
        (Mode::Replay, None),
        (Mode::ReadTopics, None),
        (Mode::ReferenceBuild, None),
    ] {
        let problems = with_notifier(WEBHOOK).mode(mode).problems();
        assert_eq!(problems.first().map(|p| p.severity), severity, "{mode:?}: {}", text(&problems));
        assert_eq!(problems.len(), usize::from(severity.is_some()), "{}", text(&problems));
    }
}

#[test]
fn replay_reads_no_secret_and_others_do() {
    let held = |mode| {
        let project = with_notifier(WEBHOOK).env("HOOK", &signing_secret()).mode(mode);
        let settings = project.settings();
        settings.secrets.get("env:HOOK").unwrap().expose().map(str::to_owned)
    };
    assert_eq!(held(Mode::Replay), None);
    assert_eq!(held(Mode::Run), Some(signing_secret()));
}

#[test]
fn reading_topics_needs_the_secrets_of_kafka_alone() {
    let main = with_notifier(WEBHOOK).env("HOOK", &signing_secret()).mode(Mode::ReadTopics);
    let text = std::fs::read_to_string(main.main()).unwrap();
    let properties = "[kafka.properties]\n\"sasl.password\" = \"env:PASSWORD\"\n";
    let project = main.with("driftd.toml", &format!("{text}{properties}"));
    let told = project.problems();
    assert_eq!(told.len(), 1, "{}", super::text(&told));
    assert!(told[0].key.contains("sasl.password"), "{}", told[0].key);
    let settings = project.env("PASSWORD", CANARY).settings();
    let held = |name: &str| settings.secrets.get(name).unwrap().expose().map(str::to_owned);
    assert_eq!((held("env:PASSWORD"), held("env:HOOK")), (Some(CANARY.to_owned()), None));
}

#[test]
fn a_secret_in_a_file_is_found_beside_the_file_that_names_it() {
    let project = Project::new(&format!("include = [\"sub/n.toml\"]\n{SMALL}{TOLD}"))
        .with(
            "sub/n.toml",
            "[notifiers.w]\nkind = \"webhook\"\nurl = \"http://h/x\"\nsecret = \"file:key\"\n",
        )
        .with("sub/key", &format!("{}\n", signing_secret()));
    let settings = project.settings();
    let path = project.folder.path().join("sub/key");
    let reference = format!("file:{}", path.display());
    let held = settings.secrets.get(&reference).unwrap();
    assert_eq!(held.expose(), Some(signing_secret().as_str()));
    assert_eq!(settings.notifiers["w"].options["secret"], json!(reference));
    assert!(!format!("{settings:?}").contains(&signing_secret()));
    let shown = serde_json::to_string(&show_config(&settings, None).unwrap()).unwrap();
    assert!(shown.contains("file:key") && !shown.contains(&signing_secret()));
}

#[test]
fn a_webhook_secret_of_another_form_is_refused_with_the_command_that_makes_one() {
    for held in ["plain", "whsec_short", "whsec_AAAA", "whsec_!!!!"] {
        let problems = with_notifier(WEBHOOK).env("HOOK", held).problems();
        let told = text(&problems);
        assert!(told.contains("openssl rand -base64 32"), "{told}");
        assert!(!told.contains(held), "{told}");
        assert_eq!(problems.len(), 1, "{told}");
    }
}

#[test]
fn two_secrets_while_rotating_and_no_more() {
    let list = |names: &str| {
        let text = WEBHOOK.replace("\"env:HOOK\"", names);
        with_notifier(&text).env("HOOK", &signing_secret()).problems()
    };
    assert!(list("[\"env:HOOK\", \"env:SECRET\"]").is_empty());
    assert_eq!(list("[\"env:HOOK\", \"env:NONE\"]").len(), 1);
    assert!(!list("[\"env:HOOK\", \"env:SECRET\", \"env:HOOK\"]").is_empty());
}

#[test]
fn a_reference_where_no_secret_may_stand_is_refused() {
    let main = SMALL.replace("[\"127.0.0.1:9092\"]", "[\"env:BROKERS\"]");
    let problems = Project::new(&main).problems();
    assert_eq!(problems[0].key, "kafka.brokers[0]");
    assert!(problems[0].hint.as_ref().unwrap().contains("DRIFTD__KAFKA__BROKERS"));
}
