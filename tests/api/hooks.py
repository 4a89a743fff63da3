"""What Schemathesis cannot know from the document."""

import hashlib
import json
import os
import re

import requests
import schemathesis

NDJSON = "application/x-ndjson"
EVENTS = int(os.environ["STORED_EVENTS"])
DEAD_LETTERS = int(os.environ["STORED_DEAD_LETTERS"])

# The cursors of second pages by the orders of these, as the service gave them.
cursors = {}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Describes the lines of NDJSON, of which OpenAPI 3.1 can only say that they are text."""
    batch = raw_schema["paths"]["/arrest_events/batch"]["post"]["requestBody"]["content"]
    batch[NDJSON] = batch["application/json"]


@schemathesis.serializer(NDJSON)
def write_lines(context, value):
    lines = value if isinstance(value, list) else [value]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def cursor_of(base_url, sort):
    if sort not in cursors:
        query = {"limit": 1, "sort": sort}
        page = requests.get(f"{base_url}/arrest_events", params=query, timeout=10)
        cursors[sort] = re.search(r"[?&]cursor=([^&>]+)", page.headers["Link"])[1]
    return cursors[sort]


def within_bounds(value):
    """Moves times of the first and the last day, which offsets can lead out of the years 0001 to 9999."""
    if isinstance(value, dict):
        return {name: within_bounds(member) for name, member in value.items()}
    if isinstance(value, list):
        return [within_bounds(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"^(0000-..-..|0001-01-01|9999-12-31)(?=[Tt])", "2026-11-22", value)
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes requests that keep to the schemas of the document keep to its words too."""
    # Links that Schemathesis infers can put numbers into headers, which cannot be sent.
    for name, value in (case.headers or {}).items():
        if not isinstance(value, (str, bytes)):
            case.headers[name] = str(value)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    operation = case.operation.definition.raw["operationId"]
    if case.query:
        case.query = within_bounds(case.query)
    if isinstance(case.body, (dict, list)):
        case.body = within_bounds(case.body)
    query = case.query or {}
    # A cursor is taken from a link, and holds for the order of that.
    if operation == "listArrestEvents" and query.get("cursor") is not None:
        case.query["cursor"] = cursor_of(case.operation.base_url, query.get("sort", "id"))
    # At least one filter is required to delete; and some dead letters are to be left for the other operations.
    if operation in ("deleteDeadLetters", "replayDeadLetters"):
        case.query = {"topic": "topic-1", **query}
    # A key stands for what is to be created: never for something else.
    if (case.headers or {}).get("Idempotency-Key") is not None:
        content = repr((operation, case.media_type, case.body)).encode()
        case.headers["Idempotency-Key"] = hashlib.sha256(content).hexdigest()
    # Of the ids that were made up nearly none would be there; with these, every other one was there at first.
    id = (case.path_parameters or {}).get("id")
    if isinstance(id, int) and id > 10**6:
        stored = DEAD_LETTERS if case.path.startswith("/dead_letters/") else EVENTS
        case.path_parameters["id"] = 1 + id % (2 * stored)
    # The entity tag of the examples is one of the event; others that were made up are of none.
    if (case.headers or {}).get("If-Match") == '"1"':
        event = requests.get(case.operation.base_url + case.formatted_path, timeout=10)
        case.headers["If-Match"] = event.headers.get("ETag", '"1"')
