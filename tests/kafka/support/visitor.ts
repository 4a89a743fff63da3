import type { ServiceProcess } from "../../promises/support.ts";

/** How long an answer may take before it counts as none: generous, for machines that do much else. */
const PATIENCE_MS = 10_000;

/** Between two requests, in milliseconds. */
const PAUSE_MS = 20;

/** A client that reads over HTTP all the while. */
export class Visitor implements AsyncDisposable {
  readonly #service: ServiceProcess;
  readonly #finished: Promise<void>;
  readonly #failures: string[] = [];
  #answers = 0;
  #leaving = false;

  private constructor(service: ServiceProcess) {
    this.#service = service;
    this.#finished = this.#run();
  }

  /** Begins to read. The service must hold an event by now. */
  static come(service: ServiceProcess): Visitor {
    return new Visitor(service);
  }

  async #run(): Promise<void> {
    while (!this.#leaving) {
      await this.#read("/arrest_events/1");
      await this.#read("/readyz");
      await Bun.sleep(PAUSE_MS);
    }
  }

  async #read(path: string): Promise<void> {
    try {
      const response = await this.#service.fetch(path, {
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await response.json();
      if (response.status === 200) this.#answers++;
      else this.#failures.push(`${path}: ${response.status}`);
    } catch (error) {
      this.#failures.push(`${path}: ${(error as Error).message}`);
    }
  }

  /** How many answers it has got so far. */
  get answers(): number {
    return this.#answers;
  }

  /** Leaves, and tells which requests have not been answered with 200, and how. */
  async leave(): Promise<readonly string[]> {
    this.#leaving = true;
    await this.#finished;
    return this.#failures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}
