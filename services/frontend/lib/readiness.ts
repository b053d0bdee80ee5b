import { drainingKey } from "@/runtime/drain.mjs";

/** Report is the body of a readiness response, the same in all services. */
export interface Report {
  status: "ready" | "unready" | "draining";
  dependencies: { name: string; reached: boolean }[];
}

/** A result is cached for this long, so that health requests put no load on the gateway. */
const keepFor = 1_000; // ms
const timeout = 2_000; // ms, less than the kubelet's

let last: { at: number; reached: Promise<boolean> } | undefined;

export async function readiness(gateway: string, now = Date.now()): Promise<Report> {
  if (!last || now - last.at >= keepFor) last = { at: now, reached: answers(gateway) };
  const reached = await last.reached;
  const draining = Boolean((globalThis as Record<symbol, unknown>)[drainingKey]);
  return {
    status: draining ? "draining" : reached ? "ready" : "unready",
    dependencies: [{ name: "api-gateway", reached }],
  };
}

/**
 * answers reports whether the gateway is live. It does not check readiness: if a
 * service behind the gateway is unavailable, pages can still show that.
 */
async function answers(gateway: string): Promise<boolean> {
  try {
    const answer = await fetch(`${gateway}/health/live`, { cache: "no-store", signal: AbortSignal.timeout(timeout) });
    await answer.arrayBuffer(); // otherwise the connection is not reused
    return answer.ok;
  } catch {
    return false;
  }
}
