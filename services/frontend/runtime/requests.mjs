// Observes every HTTP request before Next.js, through Node.js's diagnostics channel.
// No other public interface exposes the server of Next.js.
import { randomUUID } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { requestID } from "./logs.mjs";

/**
 * Requests is the observed state of the server.
 * @typedef {object} Requests
 * @property {import("node:http").Server} [server] set after the first request
 * @property {boolean} closing whether responses close their connections
 */

// Restricts a caller's id to text that is safe in a log line or a header.
const valid = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * watchRequests assigns each request an id (a valid X-Request-Id, or a new one),
 * adds the peer to X-Forwarded-For for the gateway's rate limit, and logs each
 * response.
 * @param {import("./logs.mjs").Log} log
 * @returns {Requests}
 */
export function watchRequests(log) {
  const state = /** @type {Requests} */ ({ closing: false });
  subscribe("http.server.request.start", (message) => {
    const { request, response, server } = /** @type {Start} */ (message);
    state.server = server;
    const id = identify(request, response);
    requestID.enterWith(id);
    if (state.closing) response.setHeader("Connection", "close");
    logAnswer(log, request, response);
  });
  return state;
}

/** @typedef {{request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse, server: import("node:http").Server}} Start */

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
export function identify(request, response) {
  const given = request.headers["x-request-id"];
  const id = typeof given === "string" && valid.test(given) ? given : randomUUID();
  request.headers["x-request-id"] = id;
  response.setHeader("X-Request-Id", id);
  const hops = [request.headers["x-forwarded-for"], request.socket.remoteAddress];
  request.headers["x-forwarded-for"] = hops.filter(Boolean).join(", ");
  return id;
}

/**
 * Probes and static files are logged at debug level. The query is omitted, because
 * it may contain user input.
 * @param {import("./logs.mjs").Log} log
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
function logAnswer(log, request, response) {
  const start = performance.now();
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const quiet = path.startsWith("/health") || path.startsWith("/_next/static");
  response.once("close", () => {
    const finished = response.writableFinished;
    log(quiet ? "DEBUG" : "INFO", finished ? "request" : "request cut off", {
      method: request.method,
      path,
      status: response.statusCode,
      ms: Math.round(performance.now() - start),
    });
  });
}
