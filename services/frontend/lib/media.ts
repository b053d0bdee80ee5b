export type Media = { kind: "file"; url: string } | { kind: "page"; url: string; host: string } | { kind: "none" };

/** media says how a video's URL can be shown. Only web addresses are: a user typed it. */
export function media(text: string): Media {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { kind: "none" };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return { kind: "none" };
  if (/\.(mp4|m4v|webm|ogv|mov)$/i.test(url.pathname)) return { kind: "file", url: url.href };
  return { kind: "page", url: url.href, host: url.host };
}
