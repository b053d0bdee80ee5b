import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium, type BrowserContext, type Page } from "playwright-core";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const phone = { width: 390, height: 844 };
export const desktop = { width: 1280, height: 800 };

const pictures = new URL("../artifacts/", import.meta.url).pathname;

export interface Person {
  page: Page;
  close(): Promise<void>;
}

/** openBrowser starts a Chromium with a new profile, like a first-time visitor. */
export async function openBrowser(options: { viewport?: typeof phone; javaScriptEnabled?: boolean; colorScheme?: "dark" | "light" } = {}): Promise<Person> {
  const profile = mkdtempSync(join(tmpdir(), "frontend-browser-"));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: flags,
    viewport: desktop,
    ...options,
  });
  context.setDefaultTimeout(45_000); // a step takes a second, but other tests load the machine
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    page,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** picture saves a screenshot in test/artifacts, which git ignores. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}
