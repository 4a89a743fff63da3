import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { parseTimestamp } from "../../src/arrest-event.ts";
import { openForWriting } from "../../src/store/database.ts";
import { eventOfMessage } from "../promises/support.ts";
import { newDirectory, openRaw } from "../support/store.ts";
import { isPoison, messageOf } from "./messages.ts";
import { FATE, Model } from "./model.ts";
import { FIRST_HTTP_SUBJECT, StoreWatch } from "./store-watch.ts";

const COUNT = 3000;

let directory: ReturnType<typeof newDirectory>;
let database: Database;
let model: Model;
let watch: StoreWatch;

function storeRow(sequence: number, changes: { officer_id?: number; subject_id?: number } = {}) {
  const event = { ...eventOfMessage(sequence), ...changes };
  database.run(
    "insert into arrest_event (officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at) values (?, ?, ?, ?, ?)",
    [
      event.officer_id,
      event.subject_id,
      event.arrest_type_id,
      event.crime_type_id,
      parseTimestamp(event.arrested_at) as number,
    ],
  );
}

function storeLetter(sequence: number, reason = messageOf(sequence).reason as string) {
  const { key, value } = messageOf(sequence);
  database.run(
    `insert into dead_letter (cluster, topic, partition, offset, key, value, headers, reason, refusals, refused_at)
     values ('kafka', 't', 0, ?, ?, ?, '[]', ?, '[]', 0)`,
    [sequence, key, value, reason],
  );
}

function storePosition(next: number) {
  database.run("insert or replace into consumer_offset values ('kafka', 't', 0, ?, null)", [next]);
}

/** A message of partition 0 that is in the log at the offset of its sequence number. */
function send(): number {
  const sequence = model.issue(0, 0);
  model.settle(sequence, FATE.sent);
  model.log(sequence, 0, sequence);
  return sequence;
}

/** Sends events until there is one to try something with. */
function sendEvent(): number {
  for (;;) {
    const sequence = send();
    if (!isPoison(sequence)) return sequence;
    storeLetter(sequence);
  }
}

function findings(): string[] {
  return [...watch.look(model), ...watch.check(model), ...model.check().problems];
}

beforeEach(() => {
  directory = newDirectory();
  openForWriting(directory.file()).$client.close();
  database = openRaw(directory.file());
  model = new Model();
  watch = new StoreWatch(directory.file(), 0);
  database.run("begin");
  for (let count = 0; count < COUNT; count++) {
    const sequence = send();
    if (isPoison(sequence)) storeLetter(sequence);
    else storeRow(sequence);
  }
  storePosition(COUNT + 100);
  database.run("commit");
});

afterEach(() => {
  database.close();
  directory[Symbol.dispose]();
});

test("nothing is wrong with a store that holds what was sent, besides what HTTP clients made", () => {
  storeRow(7, { subject_id: FIRST_HTTP_SUBJECT });
  expect(findings()).toEqual([]);
  expect(watch.rows + watch.letters).toBe(COUNT);
  expect(watch.letters).toBeGreaterThan(5);
  expect(watch.httpRows().map(({ subject_id }) => subject_id)).toEqual([FIRST_HTTP_SUBJECT]);
  expect(watch.damage()).toEqual([]);
});

test("a message that is stored again is found, also long after", () => {
  const again = sendEvent();
  storeRow(again);
  expect(findings()).toEqual([]);
  storeRow(again);
  expect(findings()[0]).toContain(`message ${again} (0@${again}) is stored twice`);
  model.close();
  storeRow(again);
  expect(findings()[0]).toContain(`message ${again} is stored and had been stored long before`);
});

test("a message that is stored behind a later one of its partition is found", () => {
  const [earlier, later] = [sendEvent(), sendEvent()];
  storeRow(later);
  storeRow(earlier);
  expect(findings()[0]).toContain(`(0@${earlier}) is stored behind ${later}`);
});

test("a message that was never sent, and one that was changed, are found", () => {
  const changed = sendEvent();
  storeRow(changed, { officer_id: 77_777 });
  storeRow(changed + 1);
  const found = findings();
  expect(found[0]).toContain(`is not message ${changed}`);
  expect(found[1]).toContain(`message ${changed + 1} is stored and was never sent`);
});

test("a dead letter with another reason, and a row that should be one, are found", () => {
  let poison = send();
  for (; !isPoison(poison); poison = send()) storeRow(poison);
  storeLetter(poison, "refused_by_store");
  expect(findings()[0]).toContain(`is not message ${poison}`);
  for (poison = send(); !isPoison(poison); poison = send()) storeRow(poison);
  storeRow(poison);
  expect(findings()[0]).toContain(`message ${poison} is a row and should be a dead letter`);
});

test("a row or a dead letter that has gone is found by the next full check", () => {
  expect(findings()).toEqual([]);
  model.close();
  database.run("delete from arrest_event where id = 5");
  expect(findings()[0]).toContain(`rather than {"rows":${watch.rows}`);
});

test("a message beyond the stored position is found, and a position that goes back", () => {
  expect(findings()).toEqual([]);
  storePosition(10);
  const found = findings();
  expect(found[0]).toContain(`position of partition 0: ${COUNT + 100} → 10`);
  model.close();
  storeRow(sendEvent());
  expect(findings()[0]).toContain("is stored beyond the stored position");
});
