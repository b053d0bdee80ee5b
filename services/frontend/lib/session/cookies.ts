import type { Tokens } from "@/lib/gateway/types";

// A script cannot read them, and another site's forms do not send them.
export const accessCookie = "tiktok_access";
export const refreshCookie = "tiktok_refresh";

/** As long as the gateway's sessions at most; a shorter one ends with its first failed refresh. */
const sessionSeconds = 30 * 24 * 3600;

/** An access cookie goes this much before its token, so that no call carries an expired one. */
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

/** sessionCookies keeps tokens in the browser. secure says that it came over HTTPS. */
export function sessionCookies(tokens: Tokens, secure: boolean): Cookie[] {
  const accessSeconds = Math.max(1, tokens.expires_in - marginSeconds);
  return [
    cookie(accessCookie, tokens.access_token, accessSeconds, secure),
    cookie(refreshCookie, tokens.refresh_token, sessionSeconds, secure),
  ];
}

/** noCookies ends the session in the browser. */
export function noCookies(secure: boolean): Cookie[] {
  return [cookie(accessCookie, "", 0, secure), cookie(refreshCookie, "", 0, secure)];
}

/** overHTTPS says whether the browser used HTTPS, told by the proxy that ended it. */
export function overHTTPS(headers: Pick<Headers, "get">): boolean {
  return headers.get("x-forwarded-proto")?.split(",", 1)[0]?.trim() === "https";
}

function cookie(name: string, value: string, maxAge: number, secure: boolean): Cookie {
  return { name, value, httpOnly: true, sameSite: "lax", secure, path: "/", maxAge };
}
