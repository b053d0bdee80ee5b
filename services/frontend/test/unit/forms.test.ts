import { expect, test } from "vitest";

import { explain, failed } from "@/lib/forms";
import { comment, notification, page, video } from "@/lib/gateway/decode";
import { Problem } from "@/lib/gateway/problem";
import { media } from "@/lib/media";
import { ago } from "@/lib/time";

test("a problem appears at its fields, and values except the password are kept", () => {
  const problem = new Problem(422, "some fields are not valid", { email: "must be an email address" });
  expect(failed(problem, { email: "x", password: "secret" })).toEqual({
    values: { email: "x" },
    errors: { email: "must be an email address" },
  });
});

test("a problem with an unknown field appears above the form", () => {
  const problem = new Problem(422, "some fields are not valid", { other: "is odd" });
  expect(failed(problem, { email: "x" })).toEqual({ values: { email: "x" }, errors: {}, message: "Some fields are not valid." });
});

test.each([
  [new Problem(401, "wrong email or password"), "Wrong email or password."],
  [new Problem(429, "too many", {}, 12), "Too many attempts. Please wait 12 seconds and try again."],
  [new Problem(503, "the gateway cannot be reached"), "This does not work right now. Please try again in a moment."],
  [new Problem(404, "no such path"), "This does not work right now. Please try again in a moment."],
])("%s is explained", (problem, words) => {
  expect(explain(problem)).toBe(words);
});

test("missing optional fields have defaults", () => {
  expect(video({ id: "1", title: "Sea", author: { username: "alice" } })).toMatchObject({ author: "alice", likes: undefined, liked: false, url: "" });
  expect(comment(null)).toMatchObject({ author: "someone", text: "" });
  expect(notification({ id: "1", type: "liked", actor: "bob" })).toMatchObject({ type: "liked", actor: "bob", read: false });
  expect(page({}, "videos", video)).toEqual({ items: [] });
  expect(page({ videos: [{}], next_cursor: "c" }, "videos", video)).toMatchObject({ next_cursor: "c" });
});

test.each([
  ["https://videos.example/a.MP4?x=1", "file"],
  ["http://videos.example/watch", "page"],
  ["javascript:alert(1)", "none"],
  ["data:text/html,x", "none"],
  ["", "none"],
])("%s is shown as %s", (url, kind) => {
  expect(media({ id: "1", url, content_type: "" }).kind).toBe(kind);
});

test.each([
  ["video/mp4", "file"],
  ["image/png", "image"],
])("content of type %s is shown as %s, through the frontend", (content_type, kind) => {
  expect(media({ id: "1", url: "/api/v1/videos/1/content", content_type })).toEqual({ kind, url: "/videos/1/content" });
});

test.each([
  [5, "just now"],
  [90, "1 min ago"],
  [2 * 3600, "2 h ago"],
  [3 * 24 * 3600, "3 d ago"],
  [30 * 24 * 3600, "2026-01-01"],
])("%i seconds are %s", (seconds, words) => {
  const time = "2026-01-01T10:00:00Z";
  expect(ago(time, Date.parse(time) + seconds * 1000)).toBe(words);
});
