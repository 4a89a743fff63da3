// The path of a file that is imported `with { type: "file" }`, as Bun gives it.
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
