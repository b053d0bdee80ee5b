import type { Problem } from "@/lib/gateway/problem";

/** FormState is what a form shows after a try that failed. */
export interface FormState {
  /** What was typed, to be there still. Never a password. */
  values: Readonly<Record<string, string>>;
  errors: Readonly<Record<string, string>>;
  /** What is wrong with the whole. */
  message?: string;
}

export const emptyForm: FormState = { values: {}, errors: {} };

/** typed reads text fields of a form. */
export function typed<Name extends string>(form: FormData, ...names: Name[]): Record<Name, string> {
  const values = names.map((name) => {
    const value = form.get(name);
    return [name, typeof value === "string" ? value : ""];
  });
  return Object.fromEntries(values) as Record<Name, string>;
}

/** failed shows a problem at the fields of the form that it names, and otherwise above them. */
export function failed(problem: Problem, values: Record<string, string>): FormState {
  const kept = Object.fromEntries(Object.entries(values).filter(([name]) => name !== "password"));
  const errors = Object.fromEntries(Object.entries(problem.fields).filter(([field]) => field in values));
  if (Object.keys(errors).length > 0) return { values: kept, errors };
  return { values: kept, errors, message: explain(problem) };
}

/** explain says in plain words what a person can do about a problem. */
export function explain(problem: Problem): string {
  if (problem.status === 429) return `Too many tries. Please wait ${problem.retryAfter ?? "a few"} seconds and try again.`;
  if (problem.away || problem.status === 404) return "This does not work right now. Please try again in a moment.";
  return sentence(problem.detail);
}

/** sentence makes one of a phrase: "is taken" becomes "Is taken." */
export function sentence(phrase: string): string {
  const text = phrase.trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
