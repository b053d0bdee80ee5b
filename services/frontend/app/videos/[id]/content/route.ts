import { attempt } from "@/lib/gateway/attempt";
import { gateway } from "@/lib/session/session";

/** The response headers that a player needs. */
const passedOn = ["Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Cache-Control", "ETag", "Last-Modified"];

/** GET forwards a video's content, because browsers cannot reach the gateway. */
export async function GET(request: Request, { params }: RouteContext<"/videos/[id]/content">): Promise<Response> {
  const { value, problem } = await attempt((await gateway()).content((await params).id, request.headers.get("Range")));
  if (problem) return new Response(null, { status: problem.status });
  const headers = passedOn.flatMap((name): [string, string][] => {
    const text = value.headers.get(name);
    return text === null ? [] : [[name, text]];
  });
  return new Response(value.body, { status: value.status, headers });
}
