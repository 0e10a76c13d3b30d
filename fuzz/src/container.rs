//! Avro container files.

pub fn run(bytes: &[u8]) {
    super::rows::read("avro", bytes);
}
