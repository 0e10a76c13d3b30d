//! The shell against real servers: Apache Kafka, HTTP receivers, the real binary.

mod rig;

mod company;
mod demo;
mod kafka_works;
mod main_job;
