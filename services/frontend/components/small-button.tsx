"use client";

import { useActionState } from "react";

import type { Action } from "./form";
import { emptyForm } from "@/lib/forms";

interface Props {
  action: Action;
  hidden: Record<string, string>;
  text: string;
}

/** SmallButton is a form with a single button. */
export function SmallButton({ action, hidden, text }: Props) {
  const [state, send, pending] = useActionState(action, emptyForm);
  return (
    <form action={send}>
      {Object.entries(hidden).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <button className="button small quiet" aria-disabled={pending}>
        {text}
      </button>
      {state.message && (
        <p role="alert" className="note bad">
          {state.message}
        </p>
      )}
    </form>
  );
}
