declare module "@confluentinc/kafka-javascript/librdkafka.js" {
  /** The native client that `getClient()` of a producer or consumer gives. */
  type NativeClient = unknown;
  const addon: {
    readonly mockCluster: {
      setRebalanceDelay(client: NativeClient, milliseconds: number): void;
    };
  };
  export default addon;
}
