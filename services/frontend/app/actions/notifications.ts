"use server";

import { refresh } from "next/cache";

import { failed, typed, type FormState } from "@/lib/forms";
import { attempt } from "@/lib/gateway/attempt";
import { gateway, toLogin } from "@/lib/session/session";

export async function markRead(_: FormState, form: FormData): Promise<FormState> {
  const { notification } = typed(form, "notification");
  const { problem } = await attempt((await gateway()).markRead(notification));
  if (problem?.status === 401) toLogin("/notifications");
  if (problem) return failed(problem, {});
  refresh();
  return { values: {}, errors: {} };
}
