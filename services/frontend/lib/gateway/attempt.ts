import { Problem } from "./problem";

export type Attempt<T> = { value: T; problem?: never } | { value?: never; problem: Problem };

/** attempt turns a Problem into a value: what a page shows in place of its content. */
export async function attempt<T>(call: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await call };
  } catch (failure) {
    if (failure instanceof Problem) return { problem: failure };
    throw failure;
  }
}
