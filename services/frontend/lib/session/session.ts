import "server-only";

import { cookies, headers } from "next/headers";
import { redirect } from "next/navigation";
import { cache } from "react";

import { attempt } from "@/lib/gateway/attempt";
import { Gateway } from "@/lib/gateway/client";
import type { Tokens, User } from "@/lib/gateway/types";
import { gatewayURL } from "@/lib/gateway/url";
import { accessCookie, noCookies, overHTTPS, refreshCookie, sessionCookies } from "./cookies";

/** gateway is the API in the name of who sends the current request. */
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
 * signedIn says whether the request has a session. The gateway has the last word
 * on it; while it is away, a session that could not be renewed is still one.
 */
export async function signedIn(): Promise<boolean> {
  const jar = await cookies();
  return jar.has(accessCookie) || jar.has(refreshCookie);
}

/** currentUser is who is signed in, if that can be told. */
export const currentUser = cache(async (): Promise<User | undefined> => {
  if (!(await signedIn())) return undefined;
  const { value } = await attempt((await gateway()).me());
  return value;
});

/** openSession is for server actions: only they can set cookies. */
export async function openSession(tokens: Tokens): Promise<void> {
  const jar = await cookies();
  for (const cookie of sessionCookies(tokens, overHTTPS(await headers()))) jar.set(cookie);
}

/** closeSession is for server actions, too. */
export async function closeSession(): Promise<void> {
  const jar = await cookies();
  for (const cookie of noCookies(overHTTPS(await headers()))) jar.set(cookie);
}

/** requireSession sends who is not signed in to do that, and then back. */
export async function requireSession(back: string): Promise<void> {
  if (!(await signedIn())) toLogin(back);
}

export function toLogin(back: string): never {
  redirect(`/login?next=${encodeURIComponent(back)}`);
}
