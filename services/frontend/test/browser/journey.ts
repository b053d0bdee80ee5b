// What people do, as steps that every test of the pages shares.
import type { Page } from "playwright-core";

export interface Account {
  username: string;
  email: string;
  password: string;
}

/** newAccount is one that nobody has: the stack may be in use. */
export function newAccount(name: string): Account {
  const username = `${name}_${Date.now().toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;
  return { username, email: `${username}@example.com`, password: "correct horse" };
}

export async function register(page: Page, url: string, account: Account): Promise<void> {
  await page.goto(`${url}/register`);
  await page.getByLabel("User name").fill(account.username);
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

export async function login(page: Page, url: string, account: Account): Promise<void> {
  await page.goto(`${url}/login`);
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

export async function post(page: Page, url: string, title: string, video = "https://videos.example/watch/1"): Promise<void> {
  await page.goto(`${url}/post`);
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Address").fill(video);
  await page.getByRole("button", { name: "Post", exact: true }).click();
  await card(page, title).waitFor();
}

export function card(page: Page, title: string) {
  return page.getByRole("article", { name: title, exact: true });
}

export function likeButton(page: Page, title: string) {
  return page.getByRole("button", { name: `Like ${title}`, exact: true });
}

/** leave deletes the account that is signed in, if one is, with all that it did. */
export async function leave(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/profile`);
  if (page.url().includes("/login")) return;
  await page.getByText("Delete account").click();
  await page.getByRole("button", { name: "Delete it all" }).click();
  await page.getByRole("link", { name: "Log in" }).waitFor();
}
