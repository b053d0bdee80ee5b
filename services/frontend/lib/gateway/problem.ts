/** Problem is an answer of the gateway that is an error (RFC 9457), or none at all (status 503). */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly detail: string,
    /** What is wrong with each field of the request. */
    readonly fields: Readonly<Record<string, string>> = {},
    /** Seconds until it makes sense to try again. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(`${status}: ${detail}`, options);
  }

  /** Whether nothing is wrong with the request: a service is away, slow or not there yet. */
  get away(): boolean {
    return this.status >= 500;
  }
}

interface Document {
  title?: unknown;
  detail?: unknown;
  errors?: unknown;
}

/** problemOf reads a problem document. Anything else that is no success is one, too. */
export async function problemOf(answer: Response): Promise<Problem> {
  const document = await readDocument(answer);
  const detail = text(document.detail) ?? text(document.title) ?? `the gateway answered ${answer.status}`;
  const retryAfter = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  return new Problem(answer.status, detail, fieldsOf(document, detail), Number.isNaN(retryAfter) ? undefined : retryAfter);
}

async function readDocument(answer: Response): Promise<Document> {
  try {
    const body: unknown = await answer.json();
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {}; // a proxy's page, or nothing
  }
}

function fieldsOf(document: Document, detail: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const entry of Array.isArray(document.errors) ? (document.errors as unknown[]) : []) {
    const { field, detail } = Object(entry) as { field?: unknown; detail?: unknown };
    if (typeof field === "string" && typeof detail === "string") fields[field] ??= detail;
  }
  // A conflict names its field in words: "the email is taken".
  const taken = /^the (\w+) is taken$/.exec(detail)?.[1];
  if (taken) fields[taken] ??= "is taken";
  return fields;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
