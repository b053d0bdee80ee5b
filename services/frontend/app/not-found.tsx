import Link from "next/link";

import { Empty } from "@/components/notice";

export default function NotFound() {
  return (
    <Empty title="Page not found">
      <Link href="/" prefetch={false}>
        Back to the feed
      </Link>
    </Empty>
  );
}
