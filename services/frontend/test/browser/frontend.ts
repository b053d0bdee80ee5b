// Runs the built frontend as a process with a fake gateway.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";

const main = new URL("../../.next/standalone/main.mjs", import.meta.url).pathname;

export interface Frontend {
  url: string;
  lines: string[];
  process: ChildProcess;
  stop(): Promise<void>;
}

export async function startFrontend(gateway: string): Promise<Frontend> {
  if (!existsSync(main)) throw new Error("frontend not built: run npm run build");
  const port = await freePort();
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, NODE_ENV: "production", PORT: String(port), GATEWAY_URL: gateway, DRAIN: "500ms", LOG_LEVEL: "debug" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data: Buffer) => lines.push(...data.toString().split("\n").filter(Boolean)));
  }
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health/live`, child, lines);
  return {
    url,
    lines,
    process: child,
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function answers(url: string, child: ChildProcess, lines: string[]): Promise<void> {
  const until = Date.now() + 60_000;
  while (Date.now() < until && child.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`frontend not responding:\n${lines.join("\n")}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
