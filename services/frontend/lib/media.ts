import type { Video } from "./gateway/types";

export type Media = { kind: "file"; url: string } | { kind: "image"; url: string } | { kind: "page"; url: string; host: string } | { kind: "none" };

/**
 * media returns how to show a video. Content is served by this frontend. A URL
 * is user input, so only http and https are accepted.
 */
export function media(video: Pick<Video, "id" | "url" | "content_type">): Media {
  if (video.content_type) {
    const kind = video.content_type.startsWith("image/") ? "image" : "file";
    return { kind, url: `/videos/${encodeURIComponent(video.id)}/content` };
  }
  let url: URL;
  try {
    url = new URL(video.url);
  } catch {
    return { kind: "none" };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return { kind: "none" };
  if (/\.(mp4|m4v|webm|ogv|mov)$/i.test(url.pathname)) return { kind: "file", url: url.href };
  return { kind: "page", url: url.href, host: url.host };
}
