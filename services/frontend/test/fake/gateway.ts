// An in-memory gateway with the API that the frontend uses, served over HTTP.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Account {
  id: string;
  username: string;
  email: string;
  password: string;
  created_at: string;
}

interface Post {
  id: string;
  owner: Account;
  title: string;
  description: string;
  url: string;
  created_at: string;
  likes: Set<string>;
  comments: { id: string; author: Account; text: string; created_at: string }[];
  views: number;
}

interface Note {
  id: string;
  to: string;
  type: string;
  actor: Account;
  post: Post;
  created_at: string;
  read: boolean;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly errors?: { field: string; detail: string }[],
  ) {
    super(detail);
  }
}

type Body = Record<string, unknown>;
type Handler = (call: { body: Body; id: string; user: () => Account; viewer?: Account | undefined }) => unknown;

const pageSize = 20;

export class FakeGateway {
  /** The status of all responses except those of the auth routes, to simulate unavailable services. */
  away: number | undefined;
  /** The lifetime of an access token in seconds. */
  expiresIn = 900;
  /** Every request: method, path, request id and access token. */
  readonly seen: { method: string; path: string; requestID?: string | undefined; authorization?: string | undefined }[] = [];

  private readonly accounts: Account[] = [];
  private readonly posts: Post[] = [];
  private readonly notes: Note[] = [];
  private readonly access = new Map<string, Account>();
  private readonly sessions = new Map<string, Account>();
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /** forgetAccess invalidates all access tokens, as if they had expired. */
  forgetAccess(): void {
    this.access.clear();
  }

  private readonly routes: [string, RegExp, Handler][] = [
    ["POST", /^\/auth\/register$/, ({ body }) => this.register(body)],
    ["POST", /^\/auth\/login$/, ({ body }) => this.login(body)],
    ["POST", /^\/auth\/refresh$/, ({ body }) => this.refresh(body)],
    ["GET", /^\/me$/, ({ user }) => publicAccount(user())],
    ["DELETE", /^\/me$/, ({ user }) => this.remove(user())],
    ["GET", /^\/feed$/, ({ id, viewer }) => this.feed(id, viewer)],
    ["POST", /^\/videos$/, ({ body, user }) => this.post(body, user())],
    ["GET", /^\/videos\/([^/]+)$/, ({ id, viewer }) => video(this.find(id), viewer)],
    ["PUT", /^\/videos\/([^/]+)\/like$/, ({ id, user }) => this.like(this.find(id), user())],
    ["DELETE", /^\/videos\/([^/]+)\/like$/, ({ id, user }) => void this.find(id).likes.delete(user().id)],
    ["POST", /^\/videos\/([^/]+)\/views$/, ({ id, user }) => void (user(), this.find(id).views++)],
    ["GET", /^\/videos\/([^/]+)\/comments$/, ({ id }) => ({ comments: this.find(id).comments.map((c) => ({ ...c, author: person(c.author) })) })],
    ["POST", /^\/videos\/([^/]+)\/comments$/, ({ id, body, user }) => this.comment(this.find(id), body, user())],
    ["GET", /^\/notifications$/, ({ user }) => this.notifications(user())],
    ["POST", /^\/notifications\/([^/]+)\/read$/, ({ id, user }) => this.read(id, user())],
  ];

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://gateway");
    const path = url.pathname.replace("/api/v1", "");
    const { authorization } = request.headers;
    const requestID = request.headers["x-request-id"] as string | undefined;
    this.seen.push({ method: request.method ?? "", path, requestID, authorization });
    if (path === "/health/live") return send(response, 200, { status: "live" });
    try {
      if (this.away && !path.startsWith("/auth/")) throw new Refusal(this.away, "a required service is unavailable: try again");
      const found = this.routes.find(([method, pattern]) => method === request.method && pattern.test(path));
      if (!found) throw new Refusal(404, "no such path");
      const id = found[1].exec(path)?.[1] ?? url.searchParams.get("cursor") ?? "";
      const viewer = this.access.get(authorization?.replace("Bearer ", "") ?? "");
      const user = (): Account => {
        if (!viewer) throw new Refusal(401, "access token required: log in");
        return viewer;
      };
      const result = found[2]({ body: await readBody(request), id: decodeURIComponent(id), user, viewer });
      send(response, result === undefined ? 204 : request.method === "POST" ? 201 : 200, result);
    } catch (failure) {
      if (!(failure instanceof Refusal)) throw failure;
      const { status, detail, errors } = failure;
      send(response, status, { title: "Refused", status, detail, errors, request_id: requestID }, "application/problem+json");
    }
  }

  private register(body: Body) {
    const { username, email, password } = body as Record<string, string>;
    const errors = [
      ...(/^[a-z0-9._]{3,30}$/.test(username ?? "") ? [] : [{ field: "username", detail: "must have 3 to 30 letters a-z, digits, dots or underscores" }]),
      ...(email?.includes("@") ? [] : [{ field: "email", detail: "must be an email address" }]),
      ...((password?.length ?? 0) >= 8 ? [] : [{ field: "password", detail: "must have 8 to 128 characters" }]),
    ];
    if (errors.length > 0) throw new Refusal(422, "some fields are not valid", errors);
    if (this.accounts.some((other) => other.email === email)) throw new Refusal(409, "the email is taken");
    const account = { id: randomUUID(), username, email, password, created_at: new Date().toISOString() } as Account;
    this.accounts.push(account);
    return publicAccount(account);
  }

  private login(body: Body) {
    const account = this.accounts.find(({ email, password }) => email === body.email && password === body.password);
    if (!account) throw new Refusal(401, "wrong email or password");
    return this.tokens(account);
  }

  /** refresh accepts a token once. A second use ends the session. */
  private refresh(body: Body) {
    const account = this.sessions.get(String(body.refresh_token));
    if (!account) throw new Refusal(401, "a session that has ended");
    this.sessions.delete(String(body.refresh_token));
    return this.tokens(account);
  }

  private tokens(account: Account) {
    const [access, refresh] = [randomUUID(), randomUUID()];
    this.access.set(access, account);
    this.sessions.set(refresh, account);
    return { access_token: access, token_type: "Bearer", expires_in: this.expiresIn, refresh_token: refresh };
  }

  private remove(account: Account): void {
    this.accounts.splice(this.accounts.indexOf(account), 1);
    this.posts.splice(0, Infinity, ...this.posts.filter((post) => post.owner !== account));
    this.notes.splice(0, Infinity, ...this.notes.filter((note) => note.to !== account.id && note.actor !== account));
  }

  private feed(cursor: string, viewer?: Account) {
    const start = Number(cursor || "0");
    const videos = this.posts.slice(start, start + pageSize).map((post) => video(post, viewer));
    return { videos, ...(this.posts.length > start + pageSize && { next_cursor: String(start + pageSize) }) };
  }

  private post(body: Body, owner: Account) {
    const { title, url, description } = body as Record<string, string>;
    const errors = [
      ...(title ? [] : [{ field: "title", detail: "must have 1 to 100 characters" }]),
      ...(/^https?:\/\//.test(url ?? "") ? [] : [{ field: "url", detail: "must be an http or https address" }]),
    ];
    if (errors.length > 0) throw new Refusal(422, "some fields are not valid", errors);
    const post = { id: randomUUID(), owner, title, url, description, created_at: new Date().toISOString(), likes: new Set(), comments: [], views: 0 };
    this.posts.unshift(post as unknown as Post);
    return video(post as unknown as Post, owner);
  }

  private find(id: string): Post {
    const post = this.posts.find((candidate) => candidate.id === id);
    if (!post) throw new Refusal(404, "no such video");
    return post;
  }

  private like(post: Post, user: Account): void {
    if (!post.likes.has(user.id)) this.note(post, "liked", user);
    post.likes.add(user.id);
  }

  private comment(post: Post, body: Body, author: Account) {
    if (!body.text) throw new Refusal(422, "some fields are not valid", [{ field: "text", detail: "must have 1 to 500 characters" }]);
    post.comments.unshift({ id: randomUUID(), author, text: String(body.text), created_at: new Date().toISOString() });
    this.note(post, "commented", author);
    return {};
  }

  private note(post: Post, type: string, actor: Account): void {
    if (actor === post.owner) return;
    this.notes.unshift({ id: randomUUID(), to: post.owner.id, type, actor, post, created_at: new Date().toISOString(), read: false });
  }

  private notifications(user: Account) {
    const mine = this.notes.filter((note) => note.to === user.id);
    return {
      notifications: mine.map(({ id, type, actor, post, created_at, read }) => ({
        id, type, actor: person(actor), video_id: post.id, video_title: post.title, created_at, read,
      })),
    };
  }

  private read(id: string, user: Account): void {
    const note = this.notes.find((candidate) => candidate.id === id && candidate.to === user.id);
    if (!note) throw new Refusal(404, "no such notification");
    note.read = true;
  }
}

function publicAccount({ id, username, email, created_at }: Account) {
  return { id, username, email, created_at };
}

function person({ id, username }: Account) {
  return { id, username };
}

function video(post: Post, viewer?: Account) {
  const { id, owner, title, description, url, created_at, likes, comments, views } = post;
  return {
    id, title, description, url, created_at, views,
    author: person(owner), likes: likes.size, comments: comments.length, liked: viewer ? likes.has(viewer.id) : false,
  };
}

async function readBody(request: IncomingMessage): Promise<Body> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length > 0 ? (JSON.parse(Buffer.concat(parts).toString()) as Body) : {};
}

function send(response: ServerResponse, status: number, body: unknown, type = "application/json"): void {
  response.writeHead(status, { "Content-Type": type });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
