// Stops without losing a request, as the Go services do.

/** Where the readiness route, which Next.js bundles apart, learns of the stop. */
export const drainingKey = Symbol.for("tiktok.draining");

/** How long open requests have to finish once no new ones are taken, in ms. */
const stopWithin = 20_000;

/**
 * duration reads what Go's time.ParseDuration writes for one unit: 500ms, 3s, 1m.
 * @param {string | undefined} text
 * @returns {number} in ms
 */
export function duration(text) {
  const found = /^(\d+)(ms|s|m)$/.exec(text ?? "5s");
  if (!found) throw new Error(`DRAIN must be a duration like 500ms, 3s or 1m, not ${JSON.stringify(text)}`);
  return Number(found[1]) * { ms: 1, s: 1000, m: 60_000 }[/** @type {"ms" | "s" | "m"} */ (found[2])];
}

/**
 * drainOnSignal waits for SIGTERM or SIGINT. Then readiness fails at once, the
 * server serves on for drain while the cluster learns that it goes, finishes what
 * is open and ends the process: 0, or 1 if requests were cut off.
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
 * close says whether all requests finished in time.
 * @param {import("node:http").Server | undefined} server
 * @param {number} within in ms
 * @returns {Promise<boolean>}
 */
export function close(server, within) {
  if (!server) return Promise.resolve(true); // there never was a request
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), within);
    server.close(() => {
      clearTimeout(timer);
      done(true);
    });
    server.closeIdleConnections();
  });
}
