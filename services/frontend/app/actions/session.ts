"use server";

import { redirect } from "next/navigation";

import { failed, typed, type FormState } from "@/lib/forms";
import { attempt } from "@/lib/gateway/attempt";
import type { Gateway } from "@/lib/gateway/client";
import { back } from "@/lib/session/back";
import { closeSession, gateway, openSession, toLogin } from "@/lib/session/session";

export async function register(_: FormState, form: FormData): Promise<FormState> {
  const account = typed(form, "username", "email", "password");
  const api = await gateway();
  const { problem } = await attempt(api.register(account));
  if (problem) return failed(problem, account);
  return enter(api, account, form);
}

export async function login(_: FormState, form: FormData): Promise<FormState> {
  return enter(await gateway(), typed(form, "email", "password"), form);
}

async function enter(api: Gateway, credentials: { email: string; password: string; username?: string }, form: FormData): Promise<FormState> {
  const { email, password } = credentials;
  const { value, problem } = await attempt(api.login({ email, password }));
  if (problem) return failed(problem, { ...credentials });
  await openSession(value);
  redirect(back(form.get("next")));
}

export async function logout(): Promise<void> {
  await closeSession();
  redirect("/");
}

export async function deleteAccount(): Promise<FormState> {
  const { problem } = await attempt((await gateway()).deleteMe());
  if (problem?.status === 401) toLogin("/profile");
  if (problem) return failed(problem, {});
  await closeSession();
  redirect("/");
}
