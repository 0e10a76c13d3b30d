"""Made-up rides: 20 a second; every ten minutes the model is wrong for five."""
import json
import random
import sys
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

brokers = {"bootstrap.servers": sys.argv[1]}
topics = [NewTopic(t, 2, 1) for t in ("demand.predictions", "demand.outcomes")]
for future in AdminClient(brokers).create_topics(topics).values():
    try:
        future.result()
    except Exception as error:
        print(error)

producer = Producer(brokers)
ride = 0
while True:
    ride += 1
    now = time.time()
    wrong = int(now) % 600 >= 300
    said = random.gauss(20, 3)
    event = {
        "ride": ride,
        "at": now,
        "demand": said,
        "fare": random.expovariate(0.1),
        "zone": random.choice(["airport", "harbour", "station"]),
    }
    outcome = {"ride": ride, "at": now, "actual": said + random.gauss(0, 1) + 8 * wrong}
    producer.produce("demand.predictions", json.dumps(event))
    producer.produce("demand.outcomes", json.dumps(outcome))
    producer.poll(0)
    time.sleep(0.05)
