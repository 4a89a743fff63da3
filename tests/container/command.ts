/** Ends every command that is under way, and lets none begin any more. */
export const stop: AbortController = new AbortController();

/**
 * Runs a program to its end.
 *
 * @param evenWhenStopped for what clears up
 * @returns what it wrote to its standard output
 * @throws Error with the end of what it wrote when it fails
 */
export async function command(
  argv: readonly string[],
  { cwd, evenWhenStopped = false }: { cwd?: string; evenWhenStopped?: boolean } = {},
): Promise<string> {
  if (!evenWhenStopped) stop.signal.throwIfAborted();
  const child = Bun.spawn([...argv], {
    ...(cwd !== undefined && { cwd }),
    ...(!evenWhenStopped && { signal: stop.signal }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (exitCode !== 0) {
    const end = `${stdout}${stderr}`.trimEnd().split("\n").slice(-40).join("\n");
    throw new Error(`${argv.join(" ")} ended with ${exitCode}:\n${end}`);
  }
  return stdout;
}
