import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type EmbeddedBroker, startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import { ServiceProcess, temporaryDirectory } from "../promises/support.ts";
import { committedOffsets, send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { Acknowledged } from "./support/acknowledged.ts";
import { Disk, type Survival } from "./support/disk.ts";
import { messageOf } from "./support/kafka-log.ts";
import { type Operation, readRecording } from "./support/recording.ts";
import { FaultyDisk, HAS_SHIM, WITHOUT_SHIM } from "./support/shim.ts";
import {
  differencesFromLog,
  FIRST_OF_HTTP,
  isLetterOf,
  readStore,
  STORE,
  type Stored,
  writeFiles,
} from "./support/stored.ts";

const TOPIC = "arrest_event";
const GROUP = "arrest-events";
const CLIENTS = 3;
/** How many messages each life of the service gets while nothing else writes, and then beside HTTP. */
const SHARE = 500;
/** How the lives of the recorded service end: the first leaves an emptied log, the others a full one. */
const ENDS = ["SIGTERM", "SIGKILL", "SIGKILL"] as const;
/** How many power cuts there are of each kind. */
const CUTS = Number(process.env["CUTS"] ?? 40);
/** On how many of the disks the service itself is started. */
const RESTARTS = 2;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** A power cut when the recording was so long, and what became of that which had not been synced. */
interface Cut {
  readonly position: number;
  readonly survival: Survival;
}

/** What the group had committed, known when the recording was so long. */
interface GroupOffsets {
  readonly position: number;
  readonly offsets: readonly (number | undefined)[];
}

interface History {
  /** Where the recording was when the first life had made its store and begun to read. */
  readonly madeAt: number;
  readonly acknowledged: Acknowledged;
  readonly groupOffsets: readonly GroupOffsets[];
}

function settingsOf(databasePath: string, broker: EmbeddedBroker): Record<string, string> {
  return {
    DATABASE_PATH: databasePath,
    KAFKA_BROKERS: broker.address,
    KAFKA_GROUP_ID: GROUP,
    INGEST_BATCH_SIZE: "50",
    // The group notices a killed member after this long.
    KAFKA_CONF_SESSION_TIMEOUT_MS: "1000",
    KAFKA_CONF_HEARTBEAT_INTERVAL_MS: "200",
  };
}

/** Runs the service through its lives on a disk that is recorded, and notes what it tells the world. */
async function recordLives(disk: FaultyDisk, broker: EmbeddedBroker): Promise<History> {
  const random = seededRandom(seed);
  const acknowledged = new Acknowledged(() => disk.position());
  const groupOffsets: GroupOffsets[] = [];
  let madeAt = 0;
  let sent = 0;
  const sendShare = async () => {
    const share = Array.from({ length: SHARE }, (_, index) => messageOf(sent + index));
    sent += SHARE;
    await send(broker.address, TOPIC, share);
  };
  for (const [life, end] of ENDS.entries()) {
    await using service = await ServiceProcess.start({
      ...disk.environment(),
      ...settingsOf(join(disk.directory, STORE), broker),
    });
    await service.line("partitions assigned");
    if (life === 0) madeAt = disk.position();
    // No change of HTTP syncs by the way what the group is about to be told.
    await sendShare();
    await until("the group to be told of all", async () => {
      const offsets = await committedOffsets(broker.address, GROUP, TOPIC);
      const known = offsets.reduce<number>((sum, offset = 0) => sum + offset, 0);
      const before = groupOffsets
        .at(-1)
        ?.offsets.reduce<number>((sum, offset = 0) => sum + offset, 0);
      if (known !== before) groupOffsets.push({ position: disk.position(), offsets });
      return known === sent;
    });
    let ending = false;
    const clients = Array.from({ length: CLIENTS }, (_, client) => {
      const first = FIRST_OF_HTTP + (life * CLIENTS + client) * 10_000;
      return acknowledged.runClient(service, random, first, () => ending);
    });
    // The end comes while both are at it.
    await sendShare();
    await Bun.sleep(200 + random() * 200);
    ending = true;
    if (end === "SIGKILL") disk.strike("kill", { times: 1 });
    else service.signal(end);
    await service.ended();
    await Promise.all(clients);
  }
  return { madeAt, acknowledged, groupOffsets };
}

/** The power cuts in order: at any instant, while the store is made, and where the most has just been promised. */
function chooseCuts({ madeAt, acknowledged, groupOffsets }: History, end: number): Cut[] {
  const random = seededRandom(seed + 1);
  const answers = acknowledged.answers();
  const anywhere = Array.from({ length: CUTS }, () => random() * end);
  const whileMade = Array.from({ length: CUTS }, () => random() * madeAt);
  const afterAnswers = Array.from(
    { length: CUTS },
    () => answers[Math.floor(random() * answers.length)] as number,
  );
  const afterCommits = groupOffsets.map(({ position }) => position);
  const at = (positions: readonly number[], survival: Survival): Cut[] =>
    positions.map((position) => ({ position, survival }));
  return [
    ...at([...anywhere, ...whileMade], "some"),
    ...at([...anywhere.slice(0, CUTS / 2), ...afterAnswers, ...afterCommits, end], "nothing"),
    ...at([...anywhere.slice(0, CUTS / 2), end], "all"),
    ...at(afterAnswers, "some"),
  ].sort((a, b) => a.position - b.position);
}

describe.skipIf(!HAS_SHIM)(`a power cut${WITHOUT_SHIM} (SEED=${seed})`, () => {
  const directory = temporaryDirectory();
  let faulty: FaultyDisk;
  let broker: EmbeddedBroker;
  let history: History;
  let operations: Operation[];
  const whole = new Disk();
  const cuts: Cut[] = [];
  /** The disks on which the service is started, with the cuts that left them. */
  const kept: (Cut & { readonly path: string })[] = [];
  const damaged: string[] = [];
  const found: (Cut & { readonly stored: Stored })[] = [];

  const describeCut = ({ position, survival }: Cut) =>
    `cut at ${position}, ${survival} of what was not synced survived`;

  beforeAll(async () => {
    const path = join(directory.path, "disk");
    mkdirSync(path);
    faulty = await FaultyDisk.at(path, directory.path);
    broker = await startEmbeddedBroker(TOPIC);
    history = await recordLives(faulty, broker);
    operations = readRecording(faulty.recording);

    cuts.push(...chooseCuts(history, faulty.position()));
    const random = seededRandom(seed + 2);
    const keptCuts = new Set(
      Array.from({ length: RESTARTS }, () => cuts[Math.floor(random() * cuts.length)]),
    );
    let done = 0;
    for (const [index, cut] of cuts.entries()) {
      for (let next = operations[done]; next !== undefined && next.end <= cut.position; ) {
        whole.apply(next);
        next = operations[++done];
      }
      const files = whole.afterPowerCut(random, cut.survival);
      const restored = join(directory.path, `cut-${index}`);
      writeFiles(restored, files, random);
      try {
        found.push({ ...cut, stored: readStore(join(restored, STORE)) });
      } catch (error) {
        damaged.push(`${describeCut(cut)}: ${error}`);
      }
      rmSync(restored, { recursive: true });
      if (!keptCuts.has(cut)) continue;
      writeFiles(restored, files, random);
      kept.push({ ...cut, path: join(restored, STORE) });
    }
  }, 120_000);

  afterAll(async () => {
    faulty?.[Symbol.dispose]();
    await broker?.close();
    directory[Symbol.dispose]();
  });

  test("is told of truly: the recording, played to its end, gives the very files of the disk", () => {
    const isRecorded = (name: string) => !name.endsWith("-shm");
    const files = whole.seen();
    expect([...files.keys()].sort()).toEqual(
      readdirSync(faulty.directory).filter(isRecorded).sort(),
    );
    for (const [name, bytes] of files) {
      expect(Buffer.compare(bytes, readFileSync(join(faulty.directory, name)))).toBe(0);
    }
    // All that a disk is asked to do was part of it, checkpoints and the emptying of the log included.
    const kinds = new Set(operations.map(({ kind, name }) => `${kind} ${name}`));
    for (const file of [STORE, `${STORE}-wal`]) {
      for (const kind of ["create", "write", "sync"]) expect(kinds).toContain(`${kind} ${file}`);
    }
    expect(kinds).toContain(`truncate ${STORE}-wal`);
  });

  test("leaves a store that opens and is whole", () => {
    expect(damaged).toEqual([]);
    expect(found.length).toBe(cuts.length);
  });

  test("takes rows and offsets back together: what is before the offsets is there once, in order, and nothing beyond", () => {
    const problems = found.flatMap(({ stored, ...cut }) =>
      differencesFromLog(stored, isLetterOf(stored)).map(
        (problem) => `${describeCut(cut)}: ${problem}`,
      ),
    );
    expect(problems).toEqual([]);
    // Where nothing is ever taken back, nothing is shown.
    const sum = ({ positions }: Stored) => positions.reduce((total, next) => total + next, 0);
    const most = new Map<number, number>();
    for (const { position, survival, stored } of found) {
      if (survival === "all") most.set(position, sum(stored));
    }
    const takenBack = found.filter(
      ({ position, survival, stored }) =>
        survival === "nothing" && sum(stored) < (most.get(position) ?? 0),
    );
    expect(takenBack.length).toBeGreaterThan(0);
  });

  test("takes back no change of events or dead letters that HTTP has acknowledged, and leaves none of them half done", () => {
    expect(history.acknowledged.answers().length).toBeGreaterThan(CUTS);
    expect(history.acknowledged.settledLetters()).toBeGreaterThan(ENDS.length);
    const problems = found.flatMap(({ stored, ...cut }) =>
      history.acknowledged
        .contradictions(cut.position, stored)
        .map((problem) => `${describeCut(cut)}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  test("never takes the store back behind what the group was told", () => {
    const problems = found.flatMap(({ stored, ...cut }) =>
      history.groupOffsets
        .filter(({ position }) => position <= cut.position)
        .flatMap(({ offsets }) => offsets.map((offset = 0, partition) => ({ offset, partition })))
        .filter(({ offset, partition }) => offset > (stored.positions[partition] ?? 0))
        .map(({ offset, partition }) => `${describeCut(cut)}: ${offset} of partition ${partition}`),
    );
    expect(problems).toEqual([]);
    expect(history.groupOffsets.length).toBeGreaterThanOrEqual(ENDS.length);
  });

  test("is made up for by reading the log again: in the end each message is there exactly once", async () => {
    expect(kept.length).toBeGreaterThan(0);
    for (const [index, { path, ...cut }] of kept.entries()) {
      // The broker was not taken back with the store. What the first life had not made yet, no group knew.
      const group = cut.position < history.madeAt ? `${GROUP}-new-${index}` : GROUP;
      await using service = await ServiceProcess.start({
        ...settingsOf(path, broker),
        KAFKA_GROUP_ID: group,
      });
      await until(`everything to be stored after a ${describeCut(cut)}`, async () => {
        const { checks } = await service.json<{
          checks: { kafka: { partitions: { next_offset: number }[] } };
        }>("/readyz");
        const { partitions } = checks.kafka;
        const next = partitions.reduce((sum, { next_offset }) => sum + next_offset, 0);
        return next === 2 * SHARE * ENDS.length;
      });
      service.signal("SIGTERM");
      expect(await service.ended()).toBe(0);
      const stored = readStore(path);
      expect(differencesFromLog(stored, isLetterOf(stored))).toEqual([]);
      expect(history.acknowledged.contradictions(cut.position, stored)).toEqual([]);
    }
  }, 60_000);
});
