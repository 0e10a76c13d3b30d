//! The shell against real servers: Apache Kafka, HTTP receivers, the real binary.

mod rig;

mod kafka_works;
