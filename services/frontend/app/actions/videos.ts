"use server";

import { refresh } from "next/cache";
import { redirect } from "next/navigation";

import { failed, typed, type FormState } from "@/lib/forms";
import { attempt } from "@/lib/gateway/attempt";
import { back } from "@/lib/session/back";
import { gateway, toLogin } from "@/lib/session/session";

export async function postVideo(_: FormState, form: FormData): Promise<FormState> {
  const video = typed(form, "title", "url", "description");
  const { problem } = await attempt((await gateway()).postVideo(video));
  if (problem?.status === 401) toLogin("/post");
  if (problem) return failed(problem, video);
  redirect("/");
}

/** setLike sets the desired state of a like, so that a double click has no effect. */
export async function setLike(_: FormState, form: FormData): Promise<FormState> {
  const { video, like, from } = typed(form, "video", "like", "from");
  const api = await gateway();
  const { problem } = await attempt(like === "yes" ? api.like(video) : api.unlike(video));
  if (problem?.status === 401) toLogin(back(from));
  if (problem) return failed(problem, {});
  refresh();
  return { values: {}, errors: {} };
}

export async function postComment(_: FormState, form: FormData): Promise<FormState> {
  const { video, text } = typed(form, "video", "text");
  const { problem } = await attempt((await gateway()).comment(video, text));
  if (problem?.status === 401) toLogin(`/videos/${encodeURIComponent(video)}`);
  if (problem) return failed(problem, { text });
  refresh();
  return { values: {}, errors: {} };
}
