/** A step the build is in. `part` tells how far it is, between 0 and 1. */
export interface Step {
  part(done: number, of: number): void;
  end(note?: string): void;
}

/** Shows the steps of a build: live on a terminal, a plain line each otherwise. */
export class Progress {
  readonly #live: boolean;
  readonly #started = performance.now();
  readonly #steps: number;
  #step = 0;

  constructor(steps: number) {
    this.#steps = steps;
    this.#live = process.stdout.isTTY === true && !process.env["CI"];
  }

  /** Starts the next step. */
  start(title: string): Step {
    this.#step++;
    const label = `[${this.#step}/${this.#steps}] ${title}`;
    const started = performance.now();
    if (this.#live) process.stdout.write(`${label} …`);
    else say(`${label} …`);
    return {
      part: (done, of) => {
        if (!this.#live) return;
        const percent = Math.floor((100 * done) / Math.max(of, 1));
        process.stdout.write(`\r\x1b[K${label} … ${percent}% (${this.#elapsed(started)})`);
      },
      end: (note) => {
        const line = `${label}${note === undefined ? "" : `: ${note}`} (${this.#elapsed(started)})`;
        if (this.#live) process.stdout.write(`\r\x1b[K${line}\n`);
        else say(line);
      },
    };
  }

  /** The time since the build began, for its last line. */
  total(): string {
    return this.#elapsed(this.#started);
  }

  #elapsed(since: number): string {
    return `${((performance.now() - since) / 1000).toFixed(1)} s`;
  }
}

/** Writes a line to standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
