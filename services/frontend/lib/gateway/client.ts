import * as decode from "./decode";
import { Problem, problemOf } from "./problem";
import type { Comment, Notification, Page, Tokens, User, Video } from "./types";

/** Longer than the gateway's own deadline of 5 s: its answer says more than ours. */
const deadline = 7_000;

export interface Options {
  url: string;
  accessToken?: string | undefined;
  requestID?: string | undefined;
  /** The addresses that the request came through, for the gateway's rate limit. */
  forwardedFor?: string | undefined;
  fetch?: typeof fetch;
  deadline?: number; // ms
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * Gateway is the REST API. Every method rejects with a Problem and nothing else:
 * 503 stands for a gateway that cannot be reached, 504 for one that is too slow.
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

  /** deleteMe deletes the account and everything of it. After a 503 it can be repeated. */
  async deleteMe(): Promise<void> {
    await this.call("DELETE", "/me");
  }

  /** feed reads a page of all videos, the newest first. */
  async feed(cursor?: string): Promise<Page<Video>> {
    return decode.page(await this.call("GET", `/feed${query({ cursor })}`), "videos", decode.video);
  }

  async video(id: string): Promise<Video> {
    return decode.video(await this.call("GET", videoPath(id)));
  }

  async postVideo(video: { title: string; description: string; url: string }): Promise<Video> {
    return decode.video(await this.call("POST", "/videos", video));
  }

  /** content is what was posted with a video, as the gateway sends it: all of it, or a range. */
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
      if (method !== "GET") return undefined; // it is done, and says nothing
      throw new Problem(502, "the gateway's answer makes no sense", {}, undefined, { cause });
    }
  }

  /** send asks once more where the connection failed and nothing can happen twice. */
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
    ? new Problem(504, "the gateway did not answer in time", {}, undefined, { cause })
    : new Problem(503, "the gateway cannot be reached", {}, undefined, { cause });
}
