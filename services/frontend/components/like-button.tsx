"use client";

import { useActionState } from "react";

import type { Action } from "./form";
import { Heart } from "./icons";
import { emptyForm } from "@/lib/forms";

interface Props {
  action: Action;
  video: { id: string; title: string; likes?: number | undefined; liked: boolean };
  /** The page to return to after logging in. */
  from: string;
}

export function LikeButton({ action, video, from }: Props) {
  const [state, send, pending] = useActionState(action, emptyForm);
  return (
    <form action={send}>
      <input type="hidden" name="video" value={video.id} />
      <input type="hidden" name="like" value={video.liked ? "no" : "yes"} />
      <input type="hidden" name="from" value={from} />
      <button className="like" aria-pressed={video.liked} aria-disabled={pending} aria-label={`Like ${video.title}`}>
        <Heart filled={video.liked} />
        <span className="count">{video.likes ?? "–"}</span>
      </button>
      {state.message && (
        <p role="alert" className="note bad">
          {state.message}
        </p>
      )}
    </form>
  );
}
