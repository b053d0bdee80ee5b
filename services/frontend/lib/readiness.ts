import { drainingKey } from "@/runtime/drain.mjs";

/** A Report is the body of a readiness answer, the same for all services. */
export interface Report {
  status: "ready" | "unready" | "draining";
  dependencies: { name: string; reached: boolean }[];
}

/** Probes share an answer for this long, so that they cannot be used to load the gateway. */
const keepFor = 1_000; // ms
const patience = 2_000; // ms, less than the kubelet's

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
 * answers asks for the gateway's life, not for its readiness: where one service
 * behind it is away, pages still say so in a friendlier way than no page at all.
 */
async function answers(gateway: string): Promise<boolean> {
  try {
    const answer = await fetch(`${gateway}/health/live`, { cache: "no-store", signal: AbortSignal.timeout(patience) });
    await answer.arrayBuffer(); // else its connection is not free again
    return answer.ok;
  } catch {
    return false;
  }
}
