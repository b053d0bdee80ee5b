// Starts the built application. Logs, request ids and draining are set up before
// Next.js's own server.js is loaded, which lacks them.
import { drainOnSignal } from "./runtime/drain.mjs";
import { logAsJSON } from "./runtime/logs.mjs";
import { watchRequests } from "./runtime/requests.mjs";

const log = logAsJSON("frontend", process.env.LOG_LEVEL);
const requests = watchRequests(log);
drainOnSignal(requests, log, process.env.DRAIN);

process.env.NEXT_MANUAL_SIG_HANDLE = "1"; // otherwise Next.js closes the listener at once
process.env.NEXT_TELEMETRY_DISABLED = "1";
process.env.HOSTNAME = "0.0.0.0"; // Next.js's listen address; in a pod the variable is the pod's name
process.env.PORT ??= "3000";

const server = "./server.js"; // next to this file in the build output
await import(server);
log("INFO", "serving HTTP", { address: `${process.env.HOSTNAME}:${process.env.PORT}` });
