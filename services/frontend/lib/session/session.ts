import "server-only";

import { cookies, headers } from "next/headers";
import { redirect } from "next/navigation";
import { cache } from "react";

import { attempt } from "@/lib/gateway/attempt";
import { Gateway } from "@/lib/gateway/client";
import type { Tokens, User } from "@/lib/gateway/types";
import { gatewayURL } from "@/lib/gateway/url";
import { accessCookie, noCookies, overHTTPS, refreshCookie, sessionCookies } from "./cookies";

/** gateway returns the API client with the credentials of the current request. */
export const gateway = cache(async (): Promise<Gateway> => {
  const [jar, incoming] = await Promise.all([cookies(), headers()]);
  return new Gateway({
    url: gatewayURL(),
    accessToken: jar.get(accessCookie)?.value,
    requestID: incoming.get("x-request-id") ?? undefined,
    forwardedFor: incoming.get("x-forwarded-for") ?? undefined,
  });
});

/**
 * signedIn reports whether the request has a session. Only the gateway can verify
 * it. While the gateway is unavailable, a session that needs renewal still counts.
 */
export async function signedIn(): Promise<boolean> {
  const jar = await cookies();
  return jar.has(accessCookie) || jar.has(refreshCookie);
}

/** currentUser returns the signed-in user, or undefined if there is none or the gateway is unavailable. */
export const currentUser = cache(async (): Promise<User | undefined> => {
  if (!(await signedIn())) return undefined;
  const { value } = await attempt((await gateway()).me());
  return value;
});

/** openSession sets the session cookies. Only server actions can call it. */
export async function openSession(tokens: Tokens): Promise<void> {
  const jar = await cookies();
  for (const cookie of sessionCookies(tokens, overHTTPS(await headers()))) jar.set(cookie);
}

/** closeSession deletes the session cookies. Only server actions can call it. */
export async function closeSession(): Promise<void> {
  const jar = await cookies();
  for (const cookie of noCookies(overHTTPS(await headers()))) jar.set(cookie);
}

/** requireSession redirects a visitor without a session to the login, and then back. */
export async function requireSession(back: string): Promise<void> {
  if (!(await signedIn())) toLogin(back);
}

export function toLogin(back: string): never {
  redirect(`/login?next=${encodeURIComponent(back)}`);
}
