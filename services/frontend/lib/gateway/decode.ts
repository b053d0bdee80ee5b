// Decodes the gateway's responses. Optional fields have defaults, so that pages
// work with older and newer gateways.
import type { Comment, Notification, Page, Video } from "./types";

type Fields = Record<string, unknown>;

export function video(value: unknown): Video {
  const v = fields(value);
  return {
    id: text(v.id),
    title: text(v.title),
    description: text(v.description),
    url: text(v.url),
    content_type: text(v.content_type),
    author: person(v.author),
    created_at: text(v.created_at),
    likes: count(v.likes),
    comments: count(v.comments),
    views: count(v.views),
    liked: v.liked === true,
  };
}

export function comment(value: unknown): Comment {
  const c = fields(value);
  return { id: text(c.id), author: person(c.author), text: text(c.text), created_at: text(c.created_at) };
}

export function notification(value: unknown): Notification {
  const n = fields(value);
  return {
    id: text(n.id),
    type: text(n.type),
    actor: person(n.actor),
    video_id: text(n.video_id),
    video_title: text(n.video_title),
    created_at: text(n.created_at),
    read: n.read === true,
  };
}

/** page decodes the list in the response's field name. */
export function page<T>(value: unknown, name: string, item: (value: unknown) => T): Page<T> {
  const p = fields(value);
  const list = p[name];
  const next = text(p.next_cursor);
  return { items: Array.isArray(list) ? list.map(item) : [], ...(next && { next_cursor: next }) };
}

function person(value: unknown): string {
  return text(typeof value === "string" ? value : fields(value).username) || "someone";
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
