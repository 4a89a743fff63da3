/** A sample of an exposition: what its name and labels are, and its value. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

/** What a metric's samples may be called, by its type. */
const SUFFIXES: Record<string, readonly string[]> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

/**
 * Reads Prometheus' text format, version 0.0.4, more strictly than Prometheus does. Throws unless each
 * metric has its help and its type before its samples, comes once and in one piece, counters end in
 * `_total`, no sample comes twice, and the buckets of each histogram rise to its count.
 */
export function parseMetrics(text: string) {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const samples = new Map<string, Sample>();
  const types = new Map<string, string>();
  const helps = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, helped] = HELP.exec(line) ?? [];
    if (helped !== undefined) {
      if (helps.has(helped)) throw new Error(`${helped} is explained twice`);
      helps.add(helped);
      continue;
    }
    const [, typed, type] = TYPE.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) {
      if (types.has(typed)) throw new Error(`${typed} comes twice`);
      if (!helps.has(typed)) throw new Error(`${typed} has no help before its type`);
      if ((type === "counter") !== typed.endsWith("_total")) throw new Error(`${typed}: ${type}`);
      types.set(typed, type);
      current = typed;
      continue;
    }
    const sample = parseSample(line);
    const suffixes = SUFFIXES[types.get(current) ?? ""];
    if (!suffixes?.some((suffix) => `${current}${suffix}` === sample.name)) {
      throw new Error(`a sample stands where it does not belong: ${line}`);
    }
    const key = keyOf(sample.name, sample.labels);
    if (samples.has(key)) throw new Error(`a sample comes twice: ${line}`);
    samples.set(key, sample);
  }
  for (const [name, type] of types) {
    if (type === "histogram") checkHistogram(name, [...samples.values()]);
  }
  return {
    /** The types of the metrics by their names. */
    types,
    samples: [...samples.values()],
    /** The value of a sample; `undefined` where there is none. */
    value: (name: string, labels: Readonly<Record<string, string | number>> = {}) =>
      samples.get(keyOf(name, labels))?.value,
  };
}

/** An exposition that has been read. */
export type Metrics = ReturnType<typeof parseMetrics>;

function keyOf(name: string, labels: Readonly<Record<string, string | number>>): string {
  const sorted = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return `${name} ${sorted.sort().join("\n")}`;
}

function parseSample(line: string): Sample {
  const [, name, list = "", number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) throw new Error(`not a line of it: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < list.length) {
    const [, label, value] = LABEL.exec(list) ?? [];
    if (label === undefined || value === undefined) throw new Error(`labels of: ${line}`);
    if (label in labels) throw new Error(`a label comes twice: ${line}`);
    labels[label] = value.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
  }
  return { name, labels, value: toNumber(number, line) };
}

function toNumber(text: string, line: string): number {
  const special = { "+Inf": Number.POSITIVE_INFINITY, "-Inf": Number.NEGATIVE_INFINITY }[text];
  const value = special ?? Number(text);
  if (Number.isNaN(value)) throw new Error(`not a number: ${line}`);
  return value;
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, { le: number; value: number }[]>();
  for (const sample of samples) {
    if (sample.name !== `${name}_bucket`) continue;
    const { le, ...labels } = sample.labels;
    if (le === undefined) throw new Error(`${name} has a bucket without a bound`);
    const key = keyOf("", labels);
    series.set(key, [...(series.get(key) ?? []), { le: toNumber(le, le), value: sample.value }]);
  }
  for (const [key, buckets] of series) {
    const sorted = buckets.toSorted((a, b) => a.le - b.le);
    const last = sorted.at(-1);
    const count = samples.find(
      (each) => each.name === `${name}_count` && keyOf("", each.labels) === key,
    );
    const rises = sorted.every(({ value }, index) => value >= (sorted[index - 1]?.value ?? 0));
    if (!rises) throw new Error(`the buckets of ${name} fall`);
    if (last?.le !== Number.POSITIVE_INFINITY || last.value !== count?.value) {
      throw new Error(`the buckets of ${name} do not end at its count`);
    }
    if (!samples.some((each) => each.name === `${name}_sum` && keyOf("", each.labels) === key)) {
      throw new Error(`${name} has no sum`);
    }
  }
}
