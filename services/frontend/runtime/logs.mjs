// Structured logs: one JSON object a line on standard output, with the fields
// of the Go services. Next.js and the application write with console.*; that is
// turned into such lines, too.
import { AsyncLocalStorage } from "node:async_hooks";
import { format } from "node:util";

/** @typedef {"DEBUG" | "INFO" | "WARN" | "ERROR"} Level */
/** @typedef {(level: Level, message: string, fields?: Record<string, unknown>) => void} Log */

const order = ["DEBUG", "INFO", "WARN", "ERROR"];

/** The id of the request that the running code works for. */
export const requestID = /** @type {AsyncLocalStorage<string>} */ (new AsyncLocalStorage());

/**
 * newLog writes lines of at least the level (debug, info, warn or error).
 * @param {string} service
 * @param {string | undefined} level
 * @param {(line: string) => void} write
 * @returns {Log}
 */
export function newLog(service, level, write) {
  const least = Math.max(0, order.indexOf((level ?? "info").toUpperCase()));
  return (level, message, fields) => {
    if (order.indexOf(level) < least) return;
    const id = requestID.getStore();
    write(JSON.stringify({ time: new Date().toISOString(), level, msg: message, service, ...fields, ...(id && { request_id: id }) }) + "\n");
  };
}

/**
 * logAsJSON makes console.* write such lines, and returns the log.
 * @param {string} service
 * @param {string | undefined} level
 */
export function logAsJSON(service, level) {
  const log = newLog(service, level, (line) => process.stdout.write(line));
  console.debug = (...args) => log("DEBUG", ...line(args));
  console.log = console.info = (...args) => log("INFO", ...line(args));
  console.warn = (...args) => log("WARN", ...line(args));
  console.error = (...args) => log("ERROR", ...line(args));
  return log;
}

/**
 * line makes message and fields of what console.* was given. An Error's stack
 * and a last argument that is a plain object become fields.
 * @param {unknown[]} args
 * @returns {[string, Record<string, unknown>]}
 */
export function line(args) {
  const fields = /** @type {Record<string, unknown>} */ ({});
  const texts = args.flatMap((arg, i) => {
    if (arg instanceof Error) {
      fields.stack = arg.stack;
      return [`${arg.name}: ${arg.message}`];
    }
    if (i > 0 && i === args.length - 1 && isPlain(arg)) {
      Object.assign(fields, arg);
      return [];
    }
    return [typeof arg === "string" ? arg : format(arg)];
  });
  return [texts.join(" ").trim(), fields];
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isPlain(value) {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
