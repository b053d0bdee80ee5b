// User actions shared by the browser tests.
import type { Page } from "playwright-core";

export interface Account {
  username: string;
  email: string;
  password: string;
}

/** newAccount returns unused credentials, because the stack may have other users. */
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

/** leave deletes the signed-in account, if there is one. */
export async function leave(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/profile`);
  if (page.url().includes("/login")) return;
  await page.getByText("Delete account").click();
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("link", { name: "Log in" }).waitFor();
}
