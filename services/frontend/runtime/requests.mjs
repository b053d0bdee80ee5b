// Sees every HTTP request before Next.js does, through Node.js's diagnostics
// channel: the only way to its server that is part of a public interface.
import { randomUUID } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { requestID } from "./logs.mjs";

/**
 * What is known of the server.
 * @typedef {object} Requests
 * @property {import("node:http").Server} [server] known from the first request on
 * @property {boolean} closing answers ask the client to open a new connection, elsewhere
 */

// What a caller may choose: short, and harmless in a log line or a header.
const valid = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * watchRequests gives each request its id (a valid X-Request-Id, or a new one),
 * adds the peer to X-Forwarded-For, so that the gateway can tell clients apart,
 * and logs each answer.
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
 * Probes and static files are logged at debug level. A query is left out: it may
 * hold what a person typed.
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
