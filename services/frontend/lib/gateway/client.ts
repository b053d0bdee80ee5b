import * as decode from "./decode";
import { Problem, problemOf } from "./problem";
import type { Comment, Notification, Page, Tokens, User, Video } from "./types";

/** Longer than the gateway's own deadline of 5s, whose error has more details. */
const deadline = 7_000;

export interface Options {
  url: string;
  accessToken?: string | undefined;
  requestID?: string | undefined;
  /** X-Forwarded-For of the request, for the gateway's rate limit. */
  forwardedFor?: string | undefined;
  fetch?: typeof fetch;
  deadline?: number; // ms
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * Gateway is a client of the REST API. Every method rejects only with a Problem.
 * Its status is 503 for an unreachable gateway and 504 for a timeout.
 */
export class Gateway {
  constructor(private readonly options: Options) {}

  async register(account: { username: string; email: string; password: string }): Promise<User> {
    return (await this.call("POST", "/auth/register", account)) as User;
  }

  async login(credentials: { email: string; password: string }): Promise<Tokens> {
    return (await this.call("POST", "/auth/login", credentials)) as Tokens;
  }

  async refresh(refreshToken: string): Promise<Tokens> {
    return (await this.call("POST", "/auth/refresh", { refresh_token: refreshToken })) as Tokens;
  }

  async me(): Promise<User> {
    return (await this.call("GET", "/me")) as User;
  }

  /** deleteMe deletes the account and everything that belongs to it. It can be retried after a 503. */
  async deleteMe(): Promise<void> {
    await this.call("DELETE", "/me");
  }

  /** feed returns a page of all videos, newest first. */
  async feed(cursor?: string): Promise<Page<Video>> {
    return decode.page(await this.call("GET", `/feed${query({ cursor })}`), "videos", decode.video);
  }

  async video(id: string): Promise<Video> {
    return decode.video(await this.call("GET", videoPath(id)));
  }

  async postVideo(video: { title: string; description: string; url: string }): Promise<Video> {
    return decode.video(await this.call("POST", "/videos", video));
  }

  /** content returns the gateway's response with a video's content, or a range of it. */
  async content(id: string, range?: string | null): Promise<Response> {
    const answer = await this.send("GET", `${videoPath(id)}/content`, undefined, range ? { Range: range } : {});
    if (!answer.ok && answer.status !== 416) throw await problemOf(answer);
    return answer;
  }

  async like(id: string): Promise<void> {
    await this.call("PUT", `${videoPath(id)}/like`);
  }

  async unlike(id: string): Promise<void> {
    await this.call("DELETE", `${videoPath(id)}/like`);
  }

  async view(id: string): Promise<void> {
    await this.call("POST", `${videoPath(id)}/views`);
  }

  async comments(id: string, cursor?: string): Promise<Page<Comment>> {
    return decode.page(await this.call("GET", `${videoPath(id)}/comments${query({ cursor })}`), "comments", decode.comment);
  }

  async comment(id: string, text: string): Promise<void> {
    await this.call("POST", `${videoPath(id)}/comments`, { text });
  }

  async notifications(cursor?: string): Promise<Page<Notification>> {
    return decode.page(await this.call("GET", `/notifications${query({ cursor })}`), "notifications", decode.notification);
  }

  async markRead(id: string): Promise<void> {
    await this.call("POST", `/notifications/${encodeURIComponent(id)}/read`);
  }

  private async call(method: Method, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, path, body);
    if (!answer.ok) throw await problemOf(answer);
    if (answer.status === 204) return undefined;
    try {
      return await answer.json();
    } catch (cause) {
      if (method !== "GET") return undefined; // it succeeded, and the body is not needed
      throw new Problem(502, "invalid response from the gateway", {}, undefined, { cause });
    }
  }

  /** send retries a failed connection once if the request is idempotent. */
  private async send(method: Method, path: string, body: unknown, extra: Record<string, string> = {}): Promise<Response> {
    try {
      return await this.fetch(method, path, body, extra);
    } catch (failure) {
      if (method === "POST" || timedOut(failure)) throw unreached(failure);
    }
    try {
      return await this.fetch(method, path, body, extra);
    } catch (failure) {
      throw unreached(failure);
    }
  }

  private fetch(method: Method, path: string, body: unknown, extra: Record<string, string>): Promise<Response> {
    const { url, accessToken, requestID, forwardedFor } = this.options;
    const headers = new Headers({ Accept: "*/*", ...extra });
    if (body !== undefined) headers.set("Content-Type", "application/json");
    if (accessToken) headers.set("Authorization", `Bearer ${accessToken}`);
    if (requestID) headers.set("X-Request-Id", requestID);
    if (forwardedFor) headers.set("X-Forwarded-For", forwardedFor);
    return (this.options.fetch ?? fetch)(`${url}/api/v1${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(this.options.deadline ?? deadline),
    });
  }
}

function videoPath(id: string): string {
  return `/videos/${encodeURIComponent(id)}`;
}

function query(values: Record<string, string | undefined>): string {
  const set = Object.entries(values).filter((entry): entry is [string, string] => !!entry[1]);
  return set.length > 0 ? `?${new URLSearchParams(set)}` : "";
}

function timedOut(failure: unknown): boolean {
  return failure instanceof Error && failure.name === "TimeoutError";
}

function unreached(cause: unknown): Problem {
  return timedOut(cause)
    ? new Problem(504, "the gateway did not respond in time", {}, undefined, { cause })
    : new Problem(503, "the gateway cannot be reached", {}, undefined, { cause });
}
