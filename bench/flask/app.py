"""The routes of the service as they are usually written with Flask and SQLAlchemy.

A model, a session a request, jsonify, pages by offset. What is acknowledged is on the disk (WAL,
synchronous = FULL), in a transaction a request. DATABASE_PATH says where.
"""

import os
from datetime import datetime, timedelta, timezone

from flask import Flask, abort, jsonify, request
from sqlalchemy import Integer, create_engine, event, func, select, type_coerce
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

engine = create_engine(f"sqlite:///{os.environ['DATABASE_PATH']}")


@event.listens_for(engine, "connect")
def set_pragmas(connection, _record):
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma busy_timeout = 10000")


class Milliseconds(TypeDecorator):
    """A time in UTC, stored as milliseconds since 1970."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else round((value - EPOCH) / timedelta(milliseconds=1))

    def process_result_value(self, value, dialect):
        return None if value is None else EPOCH + timedelta(milliseconds=value)


class Base(DeclarativeBase):
    pass


class ArrestEvent(Base):
    __tablename__ = "arrest_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int]
    subject_id: Mapped[int]
    arrest_type_id: Mapped[int]
    crime_type_id: Mapped[int]
    arrested_at: Mapped[datetime] = mapped_column(Milliseconds)
    version: Mapped[int] = mapped_column(default=1)

    def to_dict(self):
        return {
            "id": self.id,
            "officer_id": self.officer_id,
            "subject_id": self.subject_id,
            "arrest_type_id": self.arrest_type_id,
            "crime_type_id": self.crime_type_id,
            "arrested_at": self.arrested_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


IDS = ("officer_id", "subject_id", "arrest_type_id", "crime_type_id")
NAMES = (*IDS, "arrested_at")
MAX_ID = 2**53 - 1

SECONDS = type_coerce(ArrestEvent.arrested_at, Integer) // 1000
GROUPS = {
    "officer_id": ArrestEvent.officer_id,
    "arrest_type_id": ArrestEvent.arrest_type_id,
    "crime_type_id": ArrestEvent.crime_type_id,
    "day": func.strftime("%Y-%m-%d", SECONDS, "unixepoch"),
    "month": func.strftime("%Y-%m", SECONDS, "unixepoch"),
}

Session = scoped_session(sessionmaker(engine))
app = Flask(__name__)
app.json.sort_keys = False


@app.teardown_appcontext
def end_session(_error):
    Session.remove()


@app.errorhandler(400)
@app.errorhandler(404)
def problem(error):
    return jsonify(message=error.description), error.code


def read_members(body, partial=False):
    """Checks what a client supplies, and reads the time."""
    if not isinstance(body, dict) or not body:
        abort(400, "must be an object")
    unknown = set(body) - set(NAMES)
    missing = set() if partial else set(NAMES) - set(body)
    if unknown or missing:
        abort(400, "must have the members of an arrest event")
    members = dict(body)
    for name in IDS:
        if name in members:
            value = members[name]
            if type(value) is not int or not 1 <= value <= MAX_ID:
                abort(400, f"{name} must be an id")
    if "arrested_at" in members:
        try:
            when = datetime.fromisoformat(members["arrested_at"])
        except (TypeError, ValueError):
            abort(400, "arrested_at must be a date and time")
        members["arrested_at"] = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
    return members


def filtered(query):
    for name in IDS:
        values = request.args.getlist(name, type=int)
        if values:
            query = query.where(getattr(ArrestEvent, name).in_(values))
    return query


def find(event_id):
    found = Session.get(ArrestEvent, event_id)
    if found is None:
        abort(404, "no such arrest event")
    return found


@app.get("/arrest_events")
def get_all():
    query = filtered(select(ArrestEvent))
    if request.args.get("sort") == "arrested_at":
        query = query.order_by(ArrestEvent.arrested_at, ArrestEvent.id)
    else:
        query = query.order_by(ArrestEvent.id)
    if "limit" in request.args:
        limit = request.args.get("limit", type=int)
        query = query.limit(limit).offset(request.args.get("offset", 0, type=int))
    return jsonify([found.to_dict() for found in Session.scalars(query)])


@app.get("/arrest_events/count")
def count():
    query = filtered(select(func.count()).select_from(ArrestEvent))
    return jsonify(count=Session.scalar(query))


@app.get("/arrest_events/stats")
def stats():
    names = request.args.getlist("group_by")
    if not names or any(name not in GROUPS for name in names):
        abort(400, "group_by is not known")
    columns = [GROUPS[name].label(f"{name}_") for name in names]
    query = filtered(select(*columns, func.count().label("count")))
    rows = Session.execute(query.group_by(*columns).order_by(*columns))
    return jsonify([dict(zip((*names, "count"), row)) for row in rows])


@app.get("/arrest_events/<int:event_id>")
def get(event_id):
    return jsonify(find(event_id).to_dict())


@app.post("/arrest_events")
def post():
    created = ArrestEvent(**read_members(request.get_json()))
    Session.add(created)
    Session.commit()
    return jsonify(created.to_dict()), 201, {"Location": f"/arrest_events/{created.id}"}


@app.post("/arrest_events/batch")
def post_batch():
    body = request.get_json()
    if not isinstance(body, list):
        abort(400, "must be an array")
    created = [ArrestEvent(**read_members(item)) for item in body]
    Session.add_all(created)
    Session.flush()
    ids = [each.id for each in created]
    Session.commit()
    return jsonify(ids=ids), 201


@app.put("/arrest_events/<int:event_id>")
@app.patch("/arrest_events/<int:event_id>")
def update(event_id):
    members = read_members(request.get_json(), partial=True)
    found = find(event_id)
    for name, value in members.items():
        setattr(found, name, value)
    found.version += 1
    Session.commit()
    return jsonify(found.to_dict())


@app.delete("/arrest_events/<int:event_id>")
def delete(event_id):
    Session.delete(find(event_id))
    Session.commit()
    return "", 204
