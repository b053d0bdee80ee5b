"use client";

import { Empty } from "@/components/notice";

/** Shown if a page fails unexpectedly. The log has the reason. */
export default function Failure({ error }: { error: Error & { digest?: string } }) {
  return (
    <Empty title="Something went wrong">
      Please try again in a moment.{error.digest && ` (${error.digest})`}
    </Empty>
  );
}
