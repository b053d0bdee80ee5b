/** back returns next if it is a path of this site, otherwise the path of the feed. */
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
