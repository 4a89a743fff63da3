/** What names a proxy to `fetch`, even for addresses of this machine. */
const PROXIES = ["HTTP_PROXY", "http_proxy"] as const;

/**
 * Asks the service that listens there, and never a proxy that the environment names: what is loopback to that is
 * another machine.
 *
 * @param withinMs how long the whole answer may take, in milliseconds
 */
export function askService(url: URL, withinMs: number): Promise<Response> {
  const named = PROXIES.map((name) => [name, process.env[name]] as const);
  for (const name of PROXIES) delete process.env[name];
  try {
    // Looks for a proxy before it returns.
    return fetch(url, { signal: AbortSignal.timeout(withinMs) });
  } finally {
    for (const [name, value] of named) if (value !== undefined) process.env[name] = value;
  }
}
