import type { Problem } from "@/lib/gateway/problem";

/** FormState is the state of a form after a failed submission. */
export interface FormState {
  /** The submitted values, without passwords. */
  values: Readonly<Record<string, string>>;
  errors: Readonly<Record<string, string>>;
  /** A problem with the whole form. */
  message?: string;
}

export const emptyForm: FormState = { values: {}, errors: {} };

/** typed returns text fields of a form. */
export function typed<Name extends string>(form: FormData, ...names: Name[]): Record<Name, string> {
  const values = names.map((name) => {
    const value = form.get(name);
    return [name, typeof value === "string" ? value : ""];
  });
  return Object.fromEntries(values) as Record<Name, string>;
}

/** failed shows a problem at the fields that it names, or above the form if it names none. */
export function failed(problem: Problem, values: Record<string, string>): FormState {
  const kept = Object.fromEntries(Object.entries(values).filter(([name]) => name !== "password"));
  const errors = Object.fromEntries(Object.entries(problem.fields).filter(([field]) => field in values));
  if (Object.keys(errors).length > 0) return { values: kept, errors };
  return { values: kept, errors, message: explain(problem) };
}

/** explain returns a message that describes a problem to the user. */
export function explain(problem: Problem): string {
  if (problem.status === 429) return `Too many attempts. Please wait ${problem.retryAfter ?? "a few"} seconds and try again.`;
  if (problem.away || problem.status === 404) return "This does not work right now. Please try again in a moment.";
  return sentence(problem.detail);
}

/** sentence turns a phrase into a sentence: "is taken" becomes "Is taken." */
export function sentence(phrase: string): string {
  const text = phrase.trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
