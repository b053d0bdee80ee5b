// Structured logs: one JSON object per line on standard output, with the fields of
// the Go services. The console.* calls of Next.js and the application are converted
// to such lines.
import { AsyncLocalStorage } from "node:async_hooks";
import { format } from "node:util";

/** @typedef {"DEBUG" | "INFO" | "WARN" | "ERROR"} Level */
/** @typedef {(level: Level, message: string, fields?: Record<string, unknown>) => void} Log */

const order = ["DEBUG", "INFO", "WARN", "ERROR"];

/** The id of the current request. */
export const requestID = /** @type {AsyncLocalStorage<string>} */ (new AsyncLocalStorage());

/**
 * newLog returns a log with a minimum level (debug, info, warn or error).
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
 * logAsJSON redirects console.* to a new log and returns it.
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
 * line converts the arguments of console.* to a message and fields. An Error's
 * stack and a plain object as the last argument become fields.
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
