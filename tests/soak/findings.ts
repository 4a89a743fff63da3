import { appendFileSync } from "node:fs";
import { join } from "node:path";

/** How many findings of one kind are kept in words; the others are counted. */
const KEPT = 20;

/** Everything that does not hold, and the diary of the soak. */
export class Findings {
  readonly #directory: string;
  readonly #hint: string;
  readonly #startedAt = performance.now();
  readonly #kept: string[] = [];
  #count = 0;

  /** @param hint what it takes to run the same again, printed with the first finding */
  constructor(directory: string, hint: string) {
    this.#directory = directory;
    this.#hint = hint;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The first of them, in words. */
  get kept(): readonly string[] {
    return this.#kept;
  }

  /** Takes note of something that does not hold; the first is printed with what is needed to look into it. */
  add(what: string): void {
    this.#count++;
    this.say(`FAILED: ${what}`);
    if (this.#kept.length < KEPT) this.#kept.push(`${this.clock()} ${what}`);
    if (this.#count > 1) return;
    this.say(`${this.#hint}; what is needed to look into it is kept in ${this.#directory}`);
  }

  /** Prints a line with the time since the start, and keeps it. */
  say(line: string): void {
    const dated = `${this.clock()} ${line}\n`;
    process.stdout.write(dated);
    appendFileSync(join(this.#directory, "diary.txt"), dated);
  }

  /** Minutes and seconds since the start: `12:03`. */
  clock(): string {
    const seconds = Math.floor((performance.now() - this.#startedAt) / 1000);
    return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
