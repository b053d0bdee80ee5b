import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, expect, test } from "vitest";

import { FakeGateway } from "../fake/gateway";
import { Gateway } from "@/lib/gateway/client";
import { Problem } from "@/lib/gateway/problem";

const fake = new FakeGateway();
let url: string;

beforeEach(async () => {
  url = await fake.start();
});
afterEach(() => fake.stop());

const account = { username: "alice", email: "alice@example.com", password: "correct horse" };

function problem(call: Promise<unknown>): Promise<Problem> {
  return call.then(
    () => expect.unreachable("it succeeded"),
    (failure: unknown) => failure as Problem,
  );
}

test("an account posts a video, likes and comments on it, and reads the feed", async () => {
  const guest = new Gateway({ url });
  await guest.register(account);
  const { access_token } = await guest.login(account);
  const api = new Gateway({ url, accessToken: access_token });
  expect((await api.me()).username).toBe("alice");
  const { id } = await api.postVideo({ title: "Sea", description: "", url: "https://videos.example/1.mp4" });
  await api.like(id);
  await api.comment(id, "Mine!");
  await api.view(id);
  expect((await api.feed()).items).toMatchObject([{ id, title: "Sea", author: "alice", likes: 1, comments: 1, views: 1, liked: true }]);
  expect((await guest.video(id)).liked).toBe(false);
  expect((await guest.comments(id)).items).toMatchObject([{ author: "alice", text: "Mine!" }]);
  await api.unlike(id);
  expect((await api.video(id)).likes).toBe(0);
});

test("a call has the request id and the access token", async () => {
  await new Gateway({ url, accessToken: "t", requestID: "r1" }).feed();
  expect(fake.seen.at(-1)).toEqual({ method: "GET", path: "/feed", requestID: "r1", authorization: "Bearer t" });
});

test("invalid fields are named", async () => {
  const refused = await problem(new Gateway({ url }).register({ username: "a", email: "b", password: "c" }));
  expect(refused.status).toBe(422);
  expect(Object.keys(refused.fields)).toEqual(["username", "email", "password"]);
});

test("a conflict names the field that is taken", async () => {
  await new Gateway({ url }).register({ ...account, email: "twice@example.com" });
  const refused = await problem(new Gateway({ url }).register({ ...account, email: "twice@example.com" }));
  expect(refused).toMatchObject({ status: 409, fields: { email: "is taken" } });
});

test("an error without a problem document is a problem", async () => {
  const server = createServer((_, response) => response.writeHead(502, { "Retry-After": "3" }).end("<html>")).listen(0);
  const { port } = server.address() as AddressInfo;
  const refused = await problem(new Gateway({ url: `http://127.0.0.1:${port}` }).feed());
  expect(refused).toMatchObject({ status: 502, retryAfter: 3, away: true });
  server.close();
});

test("an unreachable gateway is a 503, a slow one a 504", async () => {
  const refused = await problem(new Gateway({ url: "http://127.0.0.1:1" }).feed());
  expect(refused).toMatchObject({ status: 503, away: true });

  const silent = createServer(() => undefined).listen(0);
  const { port } = silent.address() as AddressInfo;
  const late = await problem(new Gateway({ url: `http://127.0.0.1:${port}`, deadline: 50 }).feed());
  expect(late.status).toBe(504);
  silent.closeAllConnections();
  silent.close();
});

test.each([
  ["a read is tried again on a new connection", "feed", 2],
  ["a post is not: it could be there twice", "postVideo", 1],
] as const)("%s", async (_, call, tries) => {
  let seen = 0;
  const server = createServer((request) => {
    seen++;
    request.socket.destroy();
  }).listen(0);
  const { port } = server.address() as AddressInfo;
  const api = new Gateway({ url: `http://127.0.0.1:${port}` });
  const refused = await problem(call === "feed" ? api.feed() : api.postVideo({ title: "", description: "", url: "" }));
  expect(refused.status).toBe(503);
  expect(seen).toBe(tries);
  server.close();
});

test("ids are escaped in paths", async () => {
  await problem(new Gateway({ url }).video("../me?x="));
  expect(fake.seen.at(-1)?.path).toBe("/videos/..%2Fme%3Fx%3D");
});

test("content is read by ranges", async () => {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    response.writeHead(206, { "Content-Type": "video/mp4", "Content-Range": "bytes 0-1/9" }).end("ab");
  }).listen(0);
  const { port } = server.address() as AddressInfo;
  const answer = await new Gateway({ url: `http://127.0.0.1:${port}` }).content("1", "bytes=0-1");
  expect([answer.status, await answer.text(), ranges]).toEqual([206, "ab", ["bytes=0-1"]]);
  server.closeAllConnections();
  server.close();
});
