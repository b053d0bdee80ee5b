export const dynamic = "force-dynamic";

/** GET /health/live reports liveness, which depends on nothing. */
export function GET(): Response {
  return Response.json({ status: "live" }, { headers: { "Cache-Control": "no-store" } });
}
