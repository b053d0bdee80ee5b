// Starts the built application: what Next.js's own server.js lacks for life in a
// cluster is put around it here, before it loads.
import { drainOnSignal } from "./runtime/drain.mjs";
import { logAsJSON } from "./runtime/logs.mjs";
import { watchRequests } from "./runtime/requests.mjs";

const log = logAsJSON("frontend", process.env.LOG_LEVEL);
const requests = watchRequests(log);
drainOnSignal(requests, log, process.env.DRAIN);

process.env.NEXT_MANUAL_SIG_HANDLE = "1"; // Next.js would close the listener at once
process.env.NEXT_TELEMETRY_DISABLED = "1";
process.env.HOSTNAME = "0.0.0.0"; // where to listen, for Next.js; in a pod it is the pod's name
process.env.PORT ??= "3000";

const server = "./server.js"; // exists beside this file once it is built
await import(server);
log("INFO", "serving HTTP", { address: `${process.env.HOSTNAME}:${process.env.PORT}` });
