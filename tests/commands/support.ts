import { SERVICE_COMMAND } from "../promises/support.ts";

/** Runs a command of the service to its end. */
export async function run(settings: Record<string, string>, ...command: string[]) {
  const { PATH = "" } = process.env;
  const child = Bun.spawn([...SERVICE_COMMAND, ...command], {
    env: { PATH, PORT: "0", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode, stdout, stderr };
}
