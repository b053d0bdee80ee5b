import { once } from "node:events";
import { createServer, get, IncomingMessage, ServerResponse } from "node:http";
import { Socket, type AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { readiness } from "@/lib/readiness";
import { close, drainingKey, duration } from "@/runtime/drain.mjs";
import { line, newLog, requestID } from "@/runtime/logs.mjs";
import { identify } from "@/runtime/requests.mjs";

test("a log line has the fields of the Go services and the request id", () => {
  const lines: string[] = [];
  const log = newLog("frontend", "warn", (text) => lines.push(text));
  log("INFO", "below the level");
  requestID.run("r1", () => log("WARN", "slow", { ms: 7 }));
  const { time, ...rest } = JSON.parse(lines.join("")) as Record<string, unknown>;
  expect(Date.parse(String(time))).not.toBeNaN();
  expect(rest).toEqual({ level: "WARN", msg: "slow", service: "frontend", ms: 7, request_id: "r1" });
});

test("console.* arguments become message and fields", () => {
  expect(line(["a", 1, { b: 2 }])).toEqual(["a 1", { b: 2 }]);
  const [message, fields] = line(["failed:", new Error("no")]);
  expect(message).toBe("failed: Error: no");
  expect(fields.stack).toContain("runtime.test.ts");
});

test.each([
  ["abc-1.2_3", true],
  ["x".repeat(65), false],
  ["two\nlines", false],
])("the request id %j is kept: %s", (given, kept) => {
  const request = new IncomingMessage(new Socket());
  request.headers["x-request-id"] = given;
  const response = new ServerResponse(request);
  const id = identify(request, response);
  expect(id === given).toBe(kept);
  expect([request.headers["x-request-id"], response.getHeader("X-Request-Id")]).toEqual([id, id]);
});

test.each([
  ["500ms", 500],
  ["3s", 3000],
  ["1m", 60_000],
  [undefined, 5000],
])("DRAIN %s is %i ms", (text, ms) => {
  expect(duration(text)).toBe(ms);
});

test("an invalid DRAIN is rejected", () => {
  expect(() => duration("soon")).toThrow('DRAIN must be a duration such as 500ms, 3s or 1m, not "soon"');
});

test("closing finishes an open request or reports a timeout", async () => {
  const open: ServerResponse[] = [];
  const server = createServer((_, response) => open.push(response)).listen(0);
  await once(server, "listening");
  const answered = once(get({ port: (server.address() as AddressInfo).port }), "response");
  await once(server, "request");
  expect(await close(server, 20), "not in time").toBe(false);
  open[0]?.end("done");
  expect(((await answered)[0] as IncomingMessage).statusCode).toBe(200);
});

test("readiness follows the gateway and fails while draining", async () => {
  const server = createServer((_, response) => response.end("{}")).listen(0);
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await readiness(url, 0)).toEqual({ status: "ready", dependencies: [{ name: "api-gateway", reached: true }] });
  server.closeAllConnections();
  server.close();
  expect((await readiness(url, 500)).status, "an answer is shared for a second").toBe("ready");
  expect((await readiness(url, 2000)).status).toBe("unready");
  Object.assign(globalThis, { [drainingKey]: true });
  expect((await readiness(url, 4000)).status).toBe("draining");
  Object.assign(globalThis, { [drainingKey]: false });
});
