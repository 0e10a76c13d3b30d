//! The shell against real servers: Apache Kafka, HTTP receivers, the real binary.

mod rig;

mod aligned;
mod api_flood;
mod avro;
mod backlog;
mod check;
mod cluster;
mod commands;
mod company;
mod demo;
mod estimates;
mod faults;
mod groups;
mod hostile;
mod http_faults;
mod kafka_works;
mod letters;
mod main_job;
mod numbers;
mod pauses;
mod recomputed;
mod registries;
mod reload;
mod replay;
mod rides;
mod season;
mod secrets;
mod security;
mod signals;
mod state;
mod storm;
mod workers;
