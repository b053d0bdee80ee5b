// Runs before every page and action. It renews the session, because pages cannot
// set cookies while rendering, and sets the content security policy.
import { type NextRequest, NextResponse } from "next/server";

import { Gateway } from "@/lib/gateway/client";
import { gatewayURL } from "@/lib/gateway/url";
import { accessCookie, noCookies, overHTTPS, refreshCookie, sessionCookies, type Cookie } from "@/lib/session/cookies";
import { Renewer } from "@/lib/session/renewer";

export const config = { matcher: ["/((?!_next/|health|icon.svg).*)"] };

const renewer = new Renewer();

export async function proxy(request: NextRequest): Promise<NextResponse> {
  const changed = await renewed(request);
  for (const { name, value } of changed) {
    // The current rendering needs the new cookies too.
    if (value) request.cookies.set(name, value);
    else request.cookies.delete(name);
  }
  const headers = new Headers(request.headers);
  const policy = contentSecurityPolicy(crypto.randomUUID());
  headers.set("Content-Security-Policy", policy); // Next.js reads the nonce for its scripts from it
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("Content-Security-Policy", policy);
  response.headers.set("Referrer-Policy", "same-origin");
  response.headers.set("X-Content-Type-Options", "nosniff");
  for (const cookie of changed) response.cookies.set(cookie);
  return response;
}

/** renewed returns the cookies to change: none if the access token is valid or the gateway is unavailable. */
async function renewed(request: NextRequest): Promise<Cookie[]> {
  const refreshToken = request.cookies.get(refreshCookie)?.value;
  if (!refreshToken || request.cookies.has(accessCookie)) return [];
  const renewal = await renewer.renew(gatewayFor(request.headers), refreshToken);
  const secure = overHTTPS(request.headers);
  if (renewal.state === "renewed") return sessionCookies(renewal.tokens, secure);
  return renewal.state === "ended" ? noCookies(secure) : [];
}

function gatewayFor(headers: Headers): Gateway {
  return new Gateway({
    url: gatewayURL(),
    requestID: headers.get("x-request-id") ?? undefined,
    forwardedFor: headers.get("x-forwarded-for") ?? undefined,
  });
}

function contentSecurityPolicy(nonce: string): string {
  const scripts = process.env.NODE_ENV === "development" ? "'unsafe-inline' 'unsafe-eval'" : `'nonce-${nonce}' 'strict-dynamic'`;
  return [
    "default-src 'self'",
    `script-src 'self' ${scripts}`,
    "style-src 'self' 'unsafe-inline'",
    "media-src 'self' http: https:", // videos can be on any host
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
