/** back is a path of this site to go to next; anything else is the feed. */
export function back(next: unknown): string {
  if (typeof next !== "string" || !next.startsWith("/")) return "/";
  const here = "http://here.invalid";
  try {
    const url = new URL(next, here);
    return url.origin === here ? url.pathname + url.search : "/";
  } catch {
    return "/";
  }
}
