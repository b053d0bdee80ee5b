import type { ReactNode } from "react";

/** Empty stands where there is nothing to list, or where it cannot be had now. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
    </section>
  );
}
