import type { Database } from "bun:sqlite";

/**
 * One snapshot for the reads of a while. By itself each statement takes and gives back the lock of one,
 * which costs several times what reading a row does.
 */
export class SharedSnapshot {
  readonly #client: Database;
  readonly #begin;
  readonly #commit;
  readonly #share: (end: () => void) => void;
  readonly #end = (): void => this.end();
  #isOpen = false;

  /** @param share calls what it is given when the while is over */
  constructor(client: Database, share: (end: () => void) => void) {
    this.#client = client;
    this.#begin = client.prepare("begin");
    this.#commit = client.prepare("commit");
    this.#share = share;
  }

  /** Keeps the snapshot that the next read takes. */
  hold(): void {
    if (this.#isOpen) return;
    this.#begin.get();
    this.#isOpen = true;
    this.#share(this.#end);
  }

  /** Lets go of it, where there is one: the next read finds all that is committed by then. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // A read that fails, by the disk say, has ended it already.
    if (this.#client.inTransaction) this.#commit.get();
  }
}
