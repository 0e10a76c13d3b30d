//! SASL over TLS against the real broker, and secrets that stay secret.

use std::time::Duration;

use crate::company::{Company, Hour};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Options};
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);

/// Points the company at the SASL_SSL listener.
fn secure(company: &Company, kafka: &Kafka, mechanism: &str, user: &str) {
    let (brokers, ca) = kafka.sasl();
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text.replace(kafka.brokers(), &brokers)
        + &format!(
            "\n[kafka.properties]\nsecurity.protocol = \"sasl_ssl\"\n\
             sasl.mechanism = \"{mechanism}\"\nsasl.username = \"{user}\"\n\
             sasl.password = \"env:KAFKA_PASSWORD\"\nssl.ca.location = \"{}\"\n",
            ca.display()
        );
    std::fs::write(&company.config, text).unwrap();
}

#[test]
fn scram_and_plain_over_tls_and_a_wrong_password_is_a_sentence() {
    let kafka = Kafka::start(&Options { sasl: true, ..Options::default() });
    let receiver = Receiver::start();
    for (mechanism, user) in [("SCRAM-SHA-512", "bob"), ("PLAIN", "alice")] {
        let company = Company::found(&kafka, &receiver, 2);
        let (p, o) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 2);
        kafka.produce(&company.predictions, &p);
        kafka.produce(&company.outcomes, &o);
        secure(&company, &kafka, mechanism, user);
        let mut env = company.env().to_vec();
        env.push(("KAFKA_PASSWORD", "secret"));
        let daemon = Daemon::start(&company.config, company.port, &env);
        daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
        daemon.wait_ready(LONG);
    }
    let company = Company::found(&kafka, &receiver, 2);
    secure(&company, &kafka, "SCRAM-SHA-512", "bob");
    let mut env = company.env().to_vec();
    env.push(("KAFKA_PASSWORD", "canary-wrong-password"));
    let mut daemon = Daemon::start(&company.config, company.port, &env);
    let reasons = daemon.wait_until("it says what is wrong", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("authentication_failed")).then_some(body)
    });
    assert!(reasons.contains("sasl.password"), "{reasons}");
    assert!(daemon.running(), "a wrong password is no reason to crash");
    let everything = daemon.log().join("\n") + &reasons;
    for canary in ["canary-wrong-password", "canary-token", "0123456789abcdef0123456789abcdef"] {
        assert!(!everything.contains(canary), "{canary} was printed");
    }
}
