declare module "@confluentinc/kafka-javascript/librdkafka.js" {
  /** The native client that `getClient()` of a producer or consumer gives. */
  type NativeClient = unknown;
  const addon: {
    /** What a batch holds: `native/include/bridge/message-batch.h`. */
    consumeBatch(
      client: NativeClient,
      maxMessages: number,
      maxBytes: number,
      waitMs: number,
      callback: (
        buffer: ArrayBuffer,
        count: number,
        ends: readonly number[],
        error: { readonly code: number; readonly message: string } | null,
      ) => void,
    ): void;
    /** Gives back to the system what librdkafka has freed: `malloc_trim(3)`. */
    trimMemory(): void;
    readonly mockCluster: {
      setRebalanceDelay(client: NativeClient, milliseconds: number): void;
    };
  };
  export default addon;
}
