"""Consumes arrest events as is usual in Python: a session of SQLAlchemy, and a commit for each message.

Arguments: BROKERS TOPIC DATABASE COUNT SYNCHRONOUS. Prints a line of JSON. What is measured begins behind the
first hundredth of the messages, when everything is warm.
"""

import json
import resource
import sys
import time
import uuid
from datetime import datetime

from confluent_kafka import Consumer
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

brokers, topic, path, count_text, synchronous = sys.argv[1:]
count = int(count_text)


class Base(DeclarativeBase):
    pass


class ArrestEvent(Base):
    __tablename__ = "arrest_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int]
    subject_id: Mapped[int]
    arrest_type_id: Mapped[int]
    crime_type_id: Mapped[int]
    arrested_at: Mapped[int]


engine = create_engine(f"sqlite:///{path}")


@event.listens_for(engine, "connect")
def set_up(connection, _record):
    connection.execute(f"pragma synchronous = {synchronous}")


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": str(uuid.uuid4()),
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([topic])
stored = 0
warm = max(count // 100, 1)
started_at = started_with = 0.0
with Session(engine) as session:
    while stored < count:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            raise SystemExit(str(message.error()))
        fields = json.loads(message.value())
        arrested_at = datetime.fromisoformat(fields.pop("arrested_at"))
        session.add(ArrestEvent(**fields, arrested_at=int(arrested_at.timestamp() * 1000)))
        session.commit()
        consumer.commit(message, asynchronous=True)
        stored += 1
        if stored == warm:
            started_at, started_with = time.monotonic(), processor_time()
took = time.monotonic() - started_at
used = processor_time() - started_with
measured = count - warm
print(
    json.dumps({"eventsPerSecond": measured / took, "processorTime": used / measured * 1e6}),
    flush=True,
)
consumer.close()
