//! The rig itself: without it no other test means anything.

use crate::rig::kafka::{Kafka, Rec};
use crate::rig::unique;

#[test]
fn records_reach_real_kafka() {
    let kafka = Kafka::shared();
    let topic = unique("rig");
    kafka.create_topic(&topic, 2);
    kafka.produce(&topic, &[Rec::bytes(b"a").on(1), Rec::bytes(b"b").on(1)]);
    assert_eq!((kafka.end(&topic, 0), kafka.end(&topic, 1)), (0, 2));
    kafka.delete_records(&topic, 1, 1);
    kafka.delete_topic(&topic);
}
