import { gatewayURL } from "@/lib/gateway/url";
import { readiness } from "@/lib/readiness";

export const dynamic = "force-dynamic";

/** GET /health reports readiness: 200 or 503, with the dependencies. */
export async function GET(): Promise<Response> {
  const report = await readiness(gatewayURL());
  const status = report.status === "ready" ? 200 : 503;
  return Response.json(report, { status, headers: { "Cache-Control": "no-store" } });
}
