import type { Metadata } from "next";

import { deleteAccount } from "@/app/actions/session";
import { Empty } from "@/components/notice";
import { SmallButton } from "@/components/small-button";
import { attempt } from "@/lib/gateway/attempt";
import { gateway, requireSession, toLogin } from "@/lib/session/session";

export const metadata: Metadata = { title: "Profile" };

export default async function Profile() {
  await requireSession("/profile");
  const { value: user, problem } = await attempt((await gateway()).me());
  if (problem?.status === 401) toLogin("/profile");
  if (problem) return <Empty title="Profile unavailable">It cannot be loaded right now. Please try again in a moment.</Empty>;
  return (
    <section className="panel profile">
      <span className="avatar" aria-hidden="true">
        {user.username.charAt(0).toUpperCase()}
      </span>
      <h1>@{user.username}</h1>
      <dl>
        <dt>Email</dt>
        <dd>{user.email}</dd>
        <dt>Member since</dt>
        <dd>
          <time dateTime={user.created_at}>{user.created_at.slice(0, 10)}</time>
        </dd>
      </dl>
      <details>
        <summary>Delete account</summary>
        <p className="note">Your videos, likes and comments are deleted too. This cannot be undone.</p>
        <SmallButton action={deleteAccount} hidden={{}} text="Delete everything" />
      </details>
    </section>
  );
}
