export const dynamic = "force-dynamic";

/** GET /health/live says that the process works; it depends on nothing. */
export function GET(): Response {
  return Response.json({ status: "live" }, { headers: { "Cache-Control": "no-store" } });
}
