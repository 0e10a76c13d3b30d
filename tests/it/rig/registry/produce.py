"""Produces with Confluent's own client and Avro serializer: one JSON object per line of standard
input, each with `partition` and `value`. Arguments: brokers, registry, topic, schema."""

import json
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, registry, topic, schema = sys.argv[1:]
serializer = AvroSerializer(SchemaRegistryClient({"url": registry}), schema)
context = SerializationContext(topic, MessageField.VALUE)
producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5})
failures = []
for line in sys.stdin:
    record = json.loads(line)
    payload = serializer(record["value"], context)
    producer.produce(
        topic,
        value=payload,
        partition=record["partition"],
        on_delivery=lambda error, _: failures.append(error) if error else None,
    )
    producer.poll(0)
producer.flush(60)
sys.exit(f"not delivered: {failures}" if failures else 0)
