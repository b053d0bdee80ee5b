"use client";

import { useActionState, useId, type ReactNode } from "react";

import { emptyForm, sentence, type FormState } from "@/lib/forms";

export type Action = (state: FormState, form: FormData) => Promise<FormState>;

interface Field {
  name: string;
  label: string;
  type?: "text" | "email" | "password" | "url" | "textarea";
  hint?: string;
  autoComplete?: string;
  required?: boolean;
  maxLength?: number;
}

interface Props {
  action: Action;
  fields: Field[];
  submit: string;
  /** Values that the user does not enter. */
  hidden?: Record<string, string>;
  children?: ReactNode;
}

/**
 * Form sends its fields to a server action and shows the resulting errors. It also
 * works without its script. Only the gateway validates the fields (noValidate), so
 * that each error has one wording.
 */
export function Form({ action, fields, submit, hidden = {}, children }: Props) {
  const [state, send, pending] = useActionState(action, emptyForm);
  return (
    <form action={send} className="form" noValidate>
      {state.message && (
        <p role="alert" className="notice bad">
          {state.message}
        </p>
      )}
      {Object.entries(hidden).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {fields.map((field) => (
        <Input key={field.name} field={field} value={state.values[field.name]} error={state.errors[field.name]} />
      ))}
      <button className="button" aria-disabled={pending}>
        {pending ? "One moment…" : submit}
      </button>
      {children}
    </form>
  );
}

function Input({ field, value = "", error }: { field: Field; value?: string | undefined; error?: string | undefined }) {
  const id = useId();
  const note = error ? sentence(error) : field.hint;
  const common = {
    id,
    name: field.name,
    defaultValue: value,
    required: field.required ?? true,
    maxLength: field.maxLength,
    autoComplete: field.autoComplete,
    "aria-invalid": error ? true : undefined,
    "aria-describedby": note ? `${id}-note` : undefined,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      {field.type === "textarea" ? <textarea rows={3} {...common} /> : <input type={field.type ?? "text"} {...common} />}
      {note && (
        <p id={`${id}-note`} className={error ? "note bad" : "note"}>
          {note}
        </p>
      )}
    </div>
  );
}
