//! Settings of librdkafka that would break what driftd promises.

/// Why a property is refused; `None`: it is fine.
#[must_use]
pub fn refusal(
    name: &str,
    value: &str,
    consumer_protocol: bool,
) -> Option<(&'static str, &'static str)> {
    let value = value.trim().to_ascii_lowercase();
    if consumer_protocol && MOVED_TO_THE_BROKER.contains(&name) {
        return Some((
            "with group.protocol = consumer the broker sets this",
            "remove it; set it for the group on the broker",
        ));
    }
    let rule = RULES.iter().find(|rule| rule.names.contains(&name))?;
    (!rule.harmless.contains(&value.as_str())).then_some((rule.why, rule.hint))
}

struct Rule {
    names: &'static [&'static str],
    /// Values that say what driftd does anyway.
    harmless: &'static [&'static str],
    why: &'static str,
    hint: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        names: &["bootstrap.servers", "metadata.broker.list"],
        harmless: &[],
        why: "brokers are named in one place",
        hint: "write kafka.brokers",
    },
    Rule {
        names: &["group.id"],
        harmless: &[],
        why: "the group is named in one place",
        hint: "write kafka.group",
    },
    Rule {
        names: &["group.instance.id"],
        harmless: &[],
        why: "driftd makes it of group and instance, so that a restarted daemon reads on at once",
        hint: "write kafka.instance",
    },
    Rule {
        names: &["client.id"],
        harmless: &[],
        why: "it carries the id of the state directory, by which two daemons know each other",
        hint: "remove it",
    },
    Rule {
        names: &["enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store"],
        harmless: &["false"],
        why: "offsets live in the commit with the counts; stored apart, events are lost or counted twice",
        hint: "remove it",
    },
    Rule {
        names: &["auto.commit.interval.ms", "offset.store.method", "offset.store.path"],
        harmless: &[],
        why: "offsets live in the commit with the counts",
        hint: "remove it; see state.commit_every",
    },
    Rule {
        names: &["auto.offset.reset"],
        harmless: &["error"],
        why: "a jump of the position would pass unseen",
        hint: "write kafka.start_from",
    },
    Rule {
        names: &["check.crcs"],
        harmless: &["true"],
        why: "a broken record would be counted as it is",
        hint: "remove it",
    },
    Rule {
        names: &["isolation.level"],
        harmless: &["read_committed"],
        why: "events of aborted transactions would count",
        hint: "remove it",
    },
    Rule {
        names: &["enable.partition.eof", "statistics.interval.ms"],
        harmless: &[],
        why: "driftd finds the ends of partitions its own way, by statistics",
        hint: "remove it",
    },
    Rule {
        names: &["plugin.library.paths"],
        harmless: &[],
        why: "foreign code in the reader voids every promise",
        hint: "remove it",
    },
];

const MOVED_TO_THE_BROKER: &[&str] = &[
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "group.protocol.type",
];

/// Properties whose value is a secret.
pub const SECRET: &[&str] = &[
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.oauthbearer.client.secret",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_promises_is_refused_and_what_only_repeats_them_is_not() {
        for name in RULES.iter().flat_map(|r| r.names) {
            assert!(refusal(name, "x", false).is_some(), "{name}");
        }
        for (name, value) in [
            ("enable.auto.commit", "false"),
            ("check.crcs", "true"),
            ("isolation.level", "read_committed"),
            ("security.protocol", "ssl"),
            ("session.timeout.ms", "6000"),
        ] {
            assert!(refusal(name, value, false).is_none(), "{name}");
        }
        assert!(refusal("isolation.level", "read_uncommitted", false).is_some());
        assert!(refusal("session.timeout.ms", "6000", true).is_some());
    }
}
