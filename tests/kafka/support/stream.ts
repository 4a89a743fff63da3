import { TestProducer } from "./producer.ts";
import { eventMessages, type Scene } from "./scene.ts";

/** How many messages go out at once, and the pause behind them in milliseconds. */
const PORTION = 120;
const PAUSE_MS = 20;

/** Messages that come in all the while, as they do from those who know nothing of a test. */
export class Stream implements AsyncDisposable {
  readonly #scene: Scene;
  readonly #producer: TestProducer;
  readonly #finished: Promise<void>;
  #sent = 0;
  #stopping = false;

  private constructor(scene: Scene, producer: TestProducer) {
    this.#scene = scene;
    this.#producer = producer;
    this.#finished = this.#run();
  }

  static async start(scene: Scene): Promise<Stream> {
    return new Stream(scene, await TestProducer.connect(scene.brokers));
  }

  async #run(): Promise<void> {
    const { topic, partitions } = this.#scene;
    while (!this.#stopping) {
      this.#producer.produce(topic, eventMessages(this.#sent, this.#sent + PORTION, partitions));
      this.#sent += PORTION;
      await Bun.sleep(PAUSE_MS);
    }
    await this.#producer.flush();
  }

  /** How many messages have been sent so far, or are about to be. */
  get sent(): number {
    return this.#sent;
  }

  /** Ends the stream and resolves to how many messages it has sent, once the broker has them all. */
  async end(): Promise<number> {
    this.#stopping = true;
    await this.#finished;
    return this.#sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.#producer[Symbol.asyncDispose]();
  }
}
