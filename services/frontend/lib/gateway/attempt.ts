import { Problem } from "./problem";

export type Attempt<T> = { value: T; problem?: never } | { value?: never; problem: Problem };

/** attempt returns a Problem as a value, so that a page can show it. */
export async function attempt<T>(call: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await call };
  } catch (failure) {
    if (failure instanceof Problem) return { problem: failure };
    throw failure;
  }
}
