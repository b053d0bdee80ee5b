// The built frontend as a process: probes, gateway failures and shutdown.
import { once } from "node:events";

import { afterAll, beforeAll, expect, test } from "vitest";

import { FakeGateway } from "../fake/gateway";
import { openBrowser, phone, picture } from "./browser";
import { startFrontend, type Frontend } from "./frontend";
import { newAccount, register } from "./journey";

const fake = new FakeGateway();
let frontend: Frontend;
let gateway: string;

beforeAll(async () => {
  gateway = await fake.start();
  frontend = await startFrontend(gateway);
});
afterAll(async () => {
  await frontend.stop();
  await fake.stop();
});

test("health lists the gateway, and the request id is propagated", async () => {
  const health = await fetch(`${frontend.url}/health`);
  expect(health.status).toBe(200);
  expect(await health.json()).toEqual({ status: "ready", dependencies: [{ name: "api-gateway", reached: true }] });

  const page = await fetch(frontend.url, { headers: { "X-Request-Id": "all-the-way" } });
  await page.text();
  expect(page.headers.get("X-Request-Id")).toBe("all-the-way");
  expect(fake.seen.some(({ path, requestID }) => path === "/feed" && requestID === "all-the-way")).toBe(true);
  await expect.poll(() => frontend.lines.some((text) => (JSON.parse(text) as { request_id?: string }).request_id === "all-the-way")).toBe(true);
});

test.each([503, 404, 500])("pages render when the gateway returns %i", async (status) => {
  const { page, close } = await openBrowser({ viewport: phone, colorScheme: "dark" });
  await register(page, frontend.url, newAccount("frank"));
  fake.away = status;
  for (const path of ["/", "/notifications", "/profile", "/videos/1"]) {
    await page.goto(frontend.url + path);
    expect(await page.getByRole("heading", { name: /unavailable|not found/ }).count(), path).toBe(1);
    if (path === "/") await picture(page, `away-${status}-phone-dark`);
  }
  await page.goto(`${frontend.url}/post`);
  await page.getByLabel("Title").fill("Not now");
  await page.getByRole("button", { name: "Post", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "does not work right now" }).waitFor();
  fake.away = undefined;
  await close();
});

test("a session continues after its access token expires", async () => {
  fake.expiresIn = 31; // its cookie lives 1s
  const { page, close } = await openBrowser();
  await register(page, frontend.url, newAccount("grace"));
  fake.forgetAccess();
  await expect.poll(async () => (await page.context().cookies()).some(({ name }) => name === "tiktok_access"), { timeout: 5000 }).toBe(false);
  const tabs = await Promise.all([page, await page.context().newPage(), await page.context().newPage()].map(async (tab) => {
    await tab.goto(`${frontend.url}/profile`);
    return tab.getByRole("heading", { name: /@grace/ }).count();
  }));
  expect(tabs).toEqual([1, 1, 1]);
  fake.expiresIn = 900;
  await close();
});

test("SIGTERM fails readiness, drains and exits cleanly", async () => {
  const own = await startFrontend(gateway);
  const exited = once(own.process, "exit");
  own.process.kill("SIGTERM");
  await expect.poll(async () => (await fetch(`${own.url}/health`)).status, { interval: 10 }).toBe(503);
  const page = await fetch(own.url);
  expect([page.status, page.headers.get("Connection")]).toEqual([200, "close"]);
  await page.text();
  expect(await exited).toEqual([0, null]);
  expect(own.lines.map((text) => (JSON.parse(text) as { msg: string }).msg).slice(-1)).toEqual(["stopped"]);
});
