// The path of the addon inside the executable.
declare module "arrest-events/kafka-addon" {
  const path: string;
  export default path;
}
