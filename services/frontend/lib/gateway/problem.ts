/** Problem is an error response of the gateway (RFC 9457), or a missing response (status 503 or 504). */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly detail: string,
    /** The problem of each invalid field. */
    readonly fields: Readonly<Record<string, string>> = {},
    /** Seconds to wait before a retry. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(`${status}: ${detail}`, options);
  }

  /** Whether the request is valid but a service is unavailable or slow. */
  get away(): boolean {
    return this.status >= 500;
  }
}

interface Document {
  title?: unknown;
  detail?: unknown;
  errors?: unknown;
}

/** problemOf decodes an error response, which need not be a problem document. */
export async function problemOf(answer: Response): Promise<Problem> {
  const document = await readDocument(answer);
  const detail = text(document.detail) ?? text(document.title) ?? `the gateway returned ${answer.status}`;
  const retryAfter = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  return new Problem(answer.status, detail, fieldsOf(document, detail), Number.isNaN(retryAfter) ? undefined : retryAfter);
}

async function readDocument(answer: Response): Promise<Document> {
  try {
    const body: unknown = await answer.json();
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {}; // a proxy's page, or empty
  }
}

function fieldsOf(document: Document, detail: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const entry of Array.isArray(document.errors) ? (document.errors as unknown[]) : []) {
    const { field, detail } = Object(entry) as { field?: unknown; detail?: unknown };
    if (typeof field === "string" && typeof detail === "string") fields[field] ??= detail;
  }
  // A conflict names its field only in its text: "the email is taken".
  const taken = /^the (\w+) is taken$/.exec(detail)?.[1];
  if (taken) fields[taken] ??= "is taken";
  return fields;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
