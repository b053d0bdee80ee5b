import { NextRequest } from "next/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { FakeGateway } from "../fake/gateway";
import { Gateway } from "@/lib/gateway/client";
import { Problem } from "@/lib/gateway/problem";
import type { Tokens } from "@/lib/gateway/types";
import { back } from "@/lib/session/back";
import { accessCookie, noCookies, overHTTPS, refreshCookie, sessionCookies } from "@/lib/session/cookies";
import { Renewer } from "@/lib/session/renewer";
import { proxy } from "@/proxy";

const tokens: Tokens = { access_token: "a2", token_type: "Bearer", expires_in: 900, refresh_token: "r2" };

test("cookies are protected, and the access cookie expires before its token", () => {
  const [access, refresh] = sessionCookies(tokens, true);
  expect(access).toEqual({ name: accessCookie, value: "a2", httpOnly: true, sameSite: "lax", secure: true, path: "/", maxAge: 870 });
  expect(refresh).toMatchObject({ name: refreshCookie, value: "r2", httpOnly: true, sameSite: "lax" });
  expect(noCookies(false).map(({ maxAge }) => maxAge)).toEqual([0, 0]);
});

test.each([
  ["https", true],
  ["https, http", true],
  ["http", false],
  [null, false],
])("X-Forwarded-Proto %s means HTTPS: %s", (value, secure) => {
  expect(overHTTPS(new Headers(value ? { "X-Forwarded-Proto": value } : {}))).toBe(secure);
});

test("concurrent requests share one exchange, and late ones its result", async () => {
  const refresh = vi.fn(() => Promise.resolve(tokens));
  const renewer = new Renewer();
  const results = await Promise.all([renewer.renew({ refresh }, "r1"), renewer.renew({ refresh }, "r1")]);
  results.push(await renewer.renew({ refresh }, "r1"));
  expect(refresh).toHaveBeenCalledTimes(1);
  expect(results.every((result) => result.state === "renewed")).toBe(true);
  await renewer.renew({ refresh }, "another");
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("only a 401 ends a session, and other failures are retried", async () => {
  const renewer = new Renewer();
  const failing = (status: number) => ({ refresh: () => Promise.reject(new Problem(status, "")) });
  expect(await renewer.renew(failing(503), "r1")).toEqual({ state: "unknown" });
  expect(await renewer.renew(failing(429), "r1")).toEqual({ state: "unknown" });
  expect(await renewer.renew(failing(401), "r1")).toEqual({ state: "ended" });
  expect(await renewer.renew({ refresh: () => Promise.resolve(tokens) }, "r1")).toMatchObject({ state: "renewed" });
});

test.each([
  ["/videos/1?x=2", "/videos/1?x=2"],
  ["https://evil.example/", "/"],
  ["//evil.example/", "/"],
  ["/\\evil.example/", "/"],
  ["javascript:alert(1)", "/"],
  [undefined, "/"],
])("after logging in, %s leads to %s", (next, path) => {
  expect(back(next)).toBe(path);
});

const fake = new FakeGateway();
beforeEach(async () => {
  process.env.GATEWAY_URL = await fake.start();
});
afterEach(() => fake.stop());

function visit(cookies: Record<string, string>): NextRequest {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join("; ");
  return new NextRequest("http://localhost:3000/", { headers: { cookie } });
}

test("a session without a valid access token is renewed before rendering", async () => {
  const api = new Gateway({ url: process.env.GATEWAY_URL ?? "" });
  const account = { username: "alice", email: "alice@example.com", password: "correct horse" };
  await api.register(account);
  const { refresh_token } = await api.login(account);
  const request = visit({ [refreshCookie]: refresh_token });
  const response = await proxy(request);
  const access = response.cookies.get(accessCookie)?.value ?? "";
  expect(response.cookies.get(refreshCookie)?.value).not.toBe(refresh_token);
  expect(request.cookies.get(accessCookie)?.value, "the page sees it, too").toBe(access);
  expect((await new Gateway({ url: process.env.GATEWAY_URL ?? "", accessToken: access }).me()).username).toBe("alice");
});

test("an ended session loses its cookies", async () => {
  const response = await proxy(visit({ [refreshCookie]: "used before" }));
  expect(response.cookies.get(accessCookie)).toMatchObject({ value: "", maxAge: 0 });
  expect(response.cookies.get(refreshCookie)).toMatchObject({ value: "", maxAge: 0 });
});

test("a session survives an unavailable gateway", async () => {
  process.env.GATEWAY_URL = "http://127.0.0.1:1";
  const response = await proxy(visit({ [refreshCookie]: "good" }));
  expect(response.cookies.getAll()).toEqual([]);
});

test("a valid access token needs no call", async () => {
  const before = fake.seen.length;
  await proxy(visit({ [accessCookie]: "a", [refreshCookie]: "r" }));
  expect(fake.seen.length).toBe(before);
});

test("every page has a policy with its own nonce", async () => {
  const [one, two] = await Promise.all([proxy(visit({})), proxy(visit({}))]);
  const policy = one.headers.get("Content-Security-Policy");
  expect(policy).toMatch(/script-src 'self' 'nonce-[0-9a-f-]{36}' 'strict-dynamic'/);
  expect(two.headers.get("Content-Security-Policy")).not.toBe(policy);
});
