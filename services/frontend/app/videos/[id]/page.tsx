import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { after } from "next/server";
import { cache } from "react";

import { postComment } from "@/app/actions/videos";
import { Form } from "@/components/form";
import { Empty } from "@/components/notice";
import { VideoCard } from "@/components/video-card";
import { attempt } from "@/lib/gateway/attempt";
import type { Comment } from "@/lib/gateway/types";
import { gateway, signedIn } from "@/lib/session/session";
import { ago } from "@/lib/time";

type Props = PageProps<"/videos/[id]">;

const load = cache(async (id: string) => attempt((await gateway()).video(id)));

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { value } = await load((await params).id);
  return { title: value?.title ?? "Video" };
}

export default async function VideoPage({ params }: Props) {
  const { id } = await params;
  const here = `/videos/${encodeURIComponent(id)}`;
  const { value: video, problem } = await load(id);
  if (problem?.status === 404) notFound();
  if (problem) return <Empty title="Video unavailable">It cannot be loaded right now. Please try again in a moment.</Empty>;
  const [api, member] = [await gateway(), await signedIn()];
  if (member) after(() => attempt(api.view(id))); // a failed count must not fail the page
  return (
    <div className="column">
      <h1 className="hidden">{video.title}</h1>
      <VideoCard video={video} from={here} link={false} />
      <section id="comments" className="panel" aria-labelledby="comments-title">
        <h2 id="comments-title">Comments</h2>
        {member ? (
          <Form action={postComment} submit="Comment" hidden={{ video: id }} fields={[{ name: "text", label: "Your comment", type: "textarea" }]} />
        ) : (
          <p>
            <Link href={`/login?next=${encodeURIComponent(here)}`} prefetch={false}>
              Log in
            </Link>{" "}
            to comment.
          </p>
        )}
        <Comments id={id} />
      </section>
    </div>
  );
}

async function Comments({ id }: { id: string }) {
  const { value, problem } = await attempt((await gateway()).comments(id));
  if (problem) return <p className="note">Comments cannot be loaded right now.</p>;
  if (value.items.length === 0) return <p className="note">No comments yet.</p>;
  return (
    <ul className="list">
      {value.items.map((comment) => (
        <Line key={comment.id} comment={comment} />
      ))}
    </ul>
  );
}

function Line({ comment }: { comment: Comment }) {
  return (
    <li>
      <p className="meta">
        <strong>@{comment.author}</strong>
        <time dateTime={comment.created_at}>{ago(comment.created_at)}</time>
      </p>
      <p className="description">{comment.text}</p>
    </li>
  );
}
