// A user's journey in a real browser, against the built frontend with a fake gateway
// or, with BASE_URL, against a running stack.
import { afterAll, beforeAll, expect, test } from "vitest";

import { FakeGateway } from "../fake/gateway";
import { desktop, openBrowser, phone, picture, type Person } from "./browser";
import { startFrontend, type Frontend } from "./frontend";
import { card, leave, likeButton, login, newAccount, post, register } from "./journey";

const fake = new FakeGateway();
let frontend: Frontend | undefined;
let url: string;
const people: Person[] = [];

async function person(...options: Parameters<typeof openBrowser>) {
  const someone = await openBrowser(...options);
  people.push(someone);
  return someone.page;
}

beforeAll(async () => {
  if (process.env.STACK_URL) {
    url = process.env.STACK_URL.replace(/\/$/, "");
    return;
  }
  frontend = await startFrontend(await fake.start());
  url = frontend.url;
});

afterAll(async () => {
  for (const someone of people) {
    await leave(someone.page, url); // the stack may be in use
    await someone.close();
  }
  await frontend?.stop();
  if (frontend) await fake.stop();
});

test("a like notifies the video's owner", async () => {
  const [alice, bob] = [newAccount("alice"), newAccount("bob")];
  const title = `A walk by the sea ${Date.now()}`;
  const [one, two] = [await person({ viewport: phone }), await person({ viewport: desktop })];

  await register(one, url, alice);
  await post(one, url, `${title}, the day before`);
  await post(one, url, title);
  const titles = await one.getByRole("article").getByRole("heading").allTextContents();
  expect(titles.indexOf(title), "newest first").toBeLessThan(titles.indexOf(`${title}, the day before`));
  await picture(one, "feed-phone");

  await register(two, url, bob);
  const like = likeButton(two, title);
  await like.click();
  await two.getByRole("button", { name: `Like ${title}`, exact: true, pressed: true }).waitFor();
  expect(await like.textContent()).toBe("1");
  await picture(two, "feed-desktop");

  await card(two, title).getByRole("link", { name: title, exact: true }).click();
  await two.getByLabel("Your comment").fill("What a view!");
  await two.getByRole("button", { name: "Comment" }).click();
  await two.getByRole("listitem").filter({ hasText: "What a view!" }).waitFor();
  await picture(two, "video-desktop");
  await like.click();
  await two.getByRole("button", { name: `Like ${title}`, exact: true, pressed: false }).waitFor();
  expect(await like.textContent()).toBe("0");

  const note = one.getByRole("listitem").filter({ hasText: `@${bob.username} liked ${title}` });
  await expect // delivery through Kafka takes a moment
    .poll(async () => {
      await one.goto(`${url}/notifications`);
      return note.count();
    }, { timeout: 30_000, interval: 500 })
    .toBe(1);
  await picture(one, "notifications-phone");
  await note.getByRole("button", { name: "Mark as read" }).click();
  await note.getByRole("button").waitFor({ state: "detached" });

  await one.getByRole("link", { name: "Profile" }).click();
  await one.getByRole("heading", { name: `@${alice.username}` }).waitFor();
  await picture(one, "profile-phone");

  await one.getByRole("button", { name: "Log out" }).click();
  await one.getByRole("link", { name: "Log in" }).waitFor();
  await login(one, url, alice);
});

test("form errors appear at their fields and keep the input", async () => {
  const page = await person({ viewport: phone });
  await page.goto(`${url}/register`);
  await page.getByLabel("User name").fill("a!");
  await page.getByLabel("Email").fill("someone@example.com");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Register" }).click();
  await page.locator("[aria-invalid]").first().waitFor();
  const password = page.getByLabel("Password");
  const note = page.locator(`[id="${await password.getAttribute("aria-describedby")}"]`);
  expect(await note.textContent()).toContain("8 to 128 characters");
  expect(await password.getAttribute("aria-invalid")).toBe("true");
  expect(await page.getByLabel("Email").inputValue()).toBe("someone@example.com");
  await picture(page, "register-errors-phone");
});

test("a wrong password shows a message", async () => {
  const page = await person();
  await page.goto(`${url}/login`);
  await page.getByLabel("Email").fill("nobody@example.com");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Log in" }).click();
  const alert = page.getByRole("alert").filter({ hasText: /wrong email or password/i });
  await alert.waitFor();
  await picture(page, "login-refused-desktop");
});

test("a guest who likes returns to the video after logging in", async () => {
  const [owner, guest] = [await person(), await person()];
  const title = `Cats ${Date.now()}`;
  await register(owner, url, newAccount("carol"));
  await post(owner, url, title);
  const account = newAccount("dan");
  await register(guest, url, account);
  await guest.getByRole("button", { name: "Log out" }).click();
  await guest.getByRole("link", { name: "Log in" }).waitFor();
  await card(guest, title).getByRole("link", { name: title, exact: true }).click();
  await guest.waitForURL(/\/videos\//);
  const video = guest.url();
  await likeButton(guest, title).click();
  await guest.waitForURL(/\/login\?next=/);
  await guest.getByLabel("Email").fill(account.email);
  await guest.getByLabel("Password").fill(account.password);
  await guest.getByRole("button", { name: "Log in" }).click();
  await guest.waitForURL(video);
});

test("everything works without script", async () => {
  const page = await person({ javaScriptEnabled: false });
  const title = `Plain ${Date.now()}`;
  const eve = newAccount("eve");
  await register(page, url, eve);
  await page.goto(`${url}/post`);
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Address").fill("nowhere");
  await page.getByRole("button", { name: "Post", exact: true }).click();
  await page.locator("[aria-invalid]").first().waitFor();
  expect(await page.getByLabel("Title").inputValue()).toBe(title);
  await post(page, url, title);
  await likeButton(page, title).click();
  await page.getByRole("button", { name: `Like ${title}`, exact: true, pressed: true }).waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("link", { name: "Log in" }).waitFor();
  await login(page, url, eve);
});

test("pages load nothing from other hosts and violate no policy", async () => {
  const page = await person();
  const hosts = new Set<string>();
  const complaints: string[] = [];
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  for (const path of ["/", "/login", "/register"]) await page.goto(url + path, { waitUntil: "networkidle" });
  expect([...hosts]).toEqual([new URL(url).origin]);
  expect(complaints).toEqual([]);
});
