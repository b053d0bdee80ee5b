import type { ReactNode } from "react";

/** Empty replaces content that is empty or unavailable. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
    </section>
  );
}
