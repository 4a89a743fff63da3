import { describe, expect, test } from "bun:test";
import {
  parseSimulateOptions,
  repetition,
  type SimulateOptions,
  simulateHelp,
  UsageError,
} from "../../src/simulate/options.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const RANDOM_SEED = 99;

function parse(...argv: string[]): SimulateOptions {
  const options = parseSimulateOptions(argv, NOW, RANDOM_SEED);
  if (options === "help") throw new Error("help was not asked for");
  return options;
}

function problems(...argv: string[]): readonly string[] {
  try {
    parseSimulateOptions(argv, NOW, RANDOM_SEED);
  } catch (error) {
    if (error instanceof UsageError) return error.problems;
    throw error;
  }
  return [];
}

describe("the options of simulate", () => {
  test("without any, 100 messages a second go out until it is stopped", () => {
    expect(parse()).toEqual({
      rate: 100,
      count: Number.POSITIVE_INFINITY,
      seconds: Number.POSITIVE_INFINITY,
      refused: 0,
      seed: RANDOM_SEED,
      start: Date.parse("2025-11-22T12:00:00Z"),
      perDay: 1200,
    });
  });

  test("with an end and without a rate, it goes as fast as it can", () => {
    expect(parse("--count", "5").rate).toBe(Number.POSITIVE_INFINITY);
    expect(parse("--seconds", "5").rate).toBe(Number.POSITIVE_INFINITY);
    expect(parse("--rate", "max").rate).toBe(Number.POSITIVE_INFINITY);
    expect(parse("--count", "5", "--rate", "2").rate).toBe(2);
  });

  test("each option is read", () => {
    const argv = [
      ...["--rate", "0.5", "--count", "1000", "--seconds=2.5", "--refused", "0.01"],
      ...["--seed=7", "--start", "2026-01-01T00:00:00+01:00", "--per-day", "50000"],
      ...["--brokers", "one:9092,two:9092"],
    ];
    expect(parse(...argv)).toEqual({
      rate: 0.5,
      count: 1000,
      seconds: 2.5,
      refused: 0.01,
      seed: 7,
      start: Date.parse("2025-12-31T23:00:00Z"),
      perDay: 50_000,
      brokers: "one:9092,two:9092",
    });
  });

  test("every problem is named at once", () => {
    const argv = [
      ...["--rate", "0", "--count=1.5", "--seconds", "soon", "--refused", "2", "--seed", "-1"],
      ...["--start", "2026-02-30T00:00:00Z", "--per-day", "0", "--brokers", "none"],
      ...["--fast", "-x", "stray", "--count"],
    ];
    expect(problems(...argv)).toEqual([
      "--rate must be a number above 0, or max",
      "--count must be a whole number from 1",
      "--seconds must be a number above 0",
      "--refused must be a number from 0 to 1",
      "--seed must be a whole number from 0 to 4294967295",
      "--start must be an ISO 8601 date and time, such as 2026-11-22T13:05:00Z",
      "--per-day must be a whole number from 1 to 100000000",
      "--brokers must be host:port,host:port",
      "--fast is not an option",
      "-x is not an option",
      "only options are taken, each beginning with --",
      "--count must be a whole number from 1",
    ]);
  });

  test("an option that is given twice is a problem", () => {
    expect(problems("--count", "1", "--count", "2")).toEqual(["--count must be given once"]);
  });

  test("a name that every object has is no option", () => {
    expect(problems("--constructor", "--toString=1")).toEqual([
      "--constructor is not an option",
      "--toString is not an option",
    ]);
  });

  test.each(["--help", "-h"])("%s is help, whatever else is there", (flag) => {
    expect(parseSimulateOptions(["--rate", "x", flag], NOW, RANDOM_SEED)).toBe("help");
  });

  test("help names every option", () => {
    for (const name of [
      "rate",
      "count",
      "seconds",
      "refused",
      "seed",
      "start",
      "per-day",
      "brokers",
    ]) {
      expect(simulateHelp()).toContain(`  --${name} `);
    }
  });

  test("what is shown for a repetition gives the same messages", () => {
    const options = parse("--count", "5", "--refused", "0.25", "--per-day", "7");
    const again = parse("--count", "5", ...repetition(options).split(" "));
    expect(again).toEqual(options);
  });
});
