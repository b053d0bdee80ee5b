import type { Metadata } from "next";
import Link from "next/link";

import { markRead } from "@/app/actions/notifications";
import { Empty } from "@/components/notice";
import { SmallButton } from "@/components/small-button";
import { attempt } from "@/lib/gateway/attempt";
import type { Notification } from "@/lib/gateway/types";
import { gateway, requireSession, toLogin } from "@/lib/session/session";
import { ago } from "@/lib/time";

export const metadata: Metadata = { title: "Notifications" };

export default async function Notifications({ searchParams }: PageProps<"/notifications">) {
  await requireSession("/notifications");
  const { cursor } = await searchParams;
  const { value, problem } = await attempt((await gateway()).notifications(typeof cursor === "string" ? cursor : undefined));
  if (problem?.status === 401) toLogin("/notifications");
  if (problem) return <Empty title="Notifications unavailable">They cannot be loaded right now. None are lost. Please try again in a moment.</Empty>;
  if (value.items.length === 0) return <Empty title="No notifications yet">Likes and comments on your videos show up here.</Empty>;
  return (
    <section className="panel">
      <h1>Notifications</h1>
      <ul className="list">
        {value.items.map((item) => (
          <Line key={item.id} item={item} />
        ))}
      </ul>
      {value.next_cursor && (
        <Link className="button quiet more" href={`/notifications?cursor=${encodeURIComponent(value.next_cursor)}`} prefetch={false}>
          Older notifications
        </Link>
      )}
    </section>
  );
}

function Line({ item }: { item: Notification }) {
  return (
    <li className={item.read ? "row" : "row unread"}>
      <div>
        <p>
          <strong>@{item.actor}</strong> {deed(item.type)}{" "}
          <Link href={`/videos/${encodeURIComponent(item.video_id)}`} prefetch={false}>
            {item.video_title || "your video"}
          </Link>
        </p>
        <p className="meta">
          <time dateTime={item.created_at}>{ago(item.created_at)}</time>
        </p>
      </div>
      {!item.read && <SmallButton action={markRead} hidden={{ notification: item.id }} text="Mark as read" />}
    </li>
  );
}

function deed(type: string): string {
  const deeds: Record<string, string> = { liked: "liked", commented: "commented on" };
  return deeds[type] ?? "did something with";
}
