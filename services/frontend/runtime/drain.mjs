// Shuts down without losing requests, like the Go services.

/** Key of the global that the readiness route reads. Next.js bundles that route separately. */
export const drainingKey = Symbol.for("tiktok.draining");

/** How long open requests may take after the server stops accepting new ones, in ms. */
const stopWithin = 20_000;

/**
 * duration parses a Go duration with a single unit: 500ms, 3s, 1m.
 * @param {string | undefined} text
 * @returns {number} in ms
 */
export function duration(text) {
  const found = /^(\d+)(ms|s|m)$/.exec(text ?? "5s");
  if (!found) throw new Error(`DRAIN must be a duration such as 500ms, 3s or 1m, not ${JSON.stringify(text)}`);
  return Number(found[1]) * { ms: 1, s: 1000, m: 60_000 }[/** @type {"ms" | "s" | "m"} */ (found[2])];
}

/**
 * drainOnSignal shuts down on SIGTERM or SIGINT. Readiness fails at once, the server
 * keeps serving for drain until no node sends new connections, and then finishes the
 * open requests. The exit code is 0, or 1 if requests were cut off.
 * @param {import("./requests.mjs").Requests} requests
 * @param {import("./logs.mjs").Log} log
 * @param {string | undefined} drain
 */
export function drainOnSignal(requests, log, drain) {
  const drainFor = duration(drain);
  const stop = async () => {
    Object.assign(globalThis, { [drainingKey]: true });
    requests.closing = true;
    log("INFO", "draining", { seconds: drainFor / 1000 });
    await new Promise((done) => setTimeout(done, drainFor));
    const finished = await close(requests.server, stopWithin);
    log(finished ? "INFO" : "ERROR", finished ? "stopped" : "stopped: requests were cut off");
    process.exit(finished ? 0 : 1);
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void stop());
}

/**
 * close reports whether all requests finished in time.
 * @param {import("node:http").Server | undefined} server
 * @param {number} within in ms
 * @returns {Promise<boolean>}
 */
export function close(server, within) {
  if (!server) return Promise.resolve(true); // there was no request yet
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), within);
    server.close(() => {
      clearTimeout(timer);
      done(true);
    });
    server.closeIdleConnections();
  });
}
