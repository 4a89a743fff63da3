import { pino } from "pino";
import pretty from "pino-pretty";
import type { LogLevel } from "../settings.ts";

/** The log of one thread or part. A line is one event; what it tells goes into fields, not into the text. */
export type Log = pino.Logger;

/**
 * Opens the log on standard output. Both threads write to it synchronously and line by line, so that
 * nothing is lost when the process ends and no line is cut by another.
 */
export function openLog(settings: { level: LogLevel; format: "json" | "pretty" }): Log {
  const options: pino.LoggerOptions = {
    level: settings.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  if (settings.format === "json") return pino(options, pino.destination({ dest: 1, sync: true }));
  return pino(options, pretty({ destination: 1, sync: true, translateTime: "SYS:HH:MM:ss.l" }));
}
