import type { Tokens } from "@/lib/gateway/types";

// Scripts cannot read these cookies, and other sites' forms do not send them.
export const accessCookie = "tiktok_access";
export const refreshCookie = "tiktok_refresh";

/** The maximum duration of the gateway's sessions. A shorter one ends at its first failed refresh. */
const sessionSeconds = 30 * 24 * 3600;

/** The access cookie expires this long before its token, so that no call has an expired one. */
const marginSeconds = 30;

export interface Cookie {
  name: string;
  value: string;
  httpOnly: true;
  sameSite: "lax";
  secure: boolean;
  path: "/";
  maxAge: number; // seconds; 0 deletes it
}

/** sessionCookies returns cookies with the tokens. secure means that the browser used HTTPS. */
export function sessionCookies(tokens: Tokens, secure: boolean): Cookie[] {
  const accessSeconds = Math.max(1, tokens.expires_in - marginSeconds);
  return [
    cookie(accessCookie, tokens.access_token, accessSeconds, secure),
    cookie(refreshCookie, tokens.refresh_token, sessionSeconds, secure),
  ];
}

/** noCookies returns cookies that end the session in the browser. */
export function noCookies(secure: boolean): Cookie[] {
  return [cookie(accessCookie, "", 0, secure), cookie(refreshCookie, "", 0, secure)];
}

/** overHTTPS reports whether the browser used HTTPS, according to the TLS proxy. */
export function overHTTPS(headers: Pick<Headers, "get">): boolean {
  return headers.get("x-forwarded-proto")?.split(",", 1)[0]?.trim() === "https";
}

function cookie(name: string, value: string, maxAge: number, secure: boolean): Cookie {
  return { name, value, httpOnly: true, sameSite: "lax", secure, path: "/", maxAge };
}
