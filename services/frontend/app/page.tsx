import Link from "next/link";

import { Empty } from "@/components/notice";
import { VideoCard } from "@/components/video-card";
import { attempt } from "@/lib/gateway/attempt";
import { gateway, signedIn } from "@/lib/session/session";

export default async function Feed({ searchParams }: PageProps<"/">) {
  const { cursor } = await searchParams;
  const here = typeof cursor === "string" ? `/?cursor=${encodeURIComponent(cursor)}` : "/";
  const { value, problem } = await attempt((await gateway()).feed(typeof cursor === "string" ? cursor : undefined));
  if (problem) return <Empty title="Feed unavailable">It cannot be loaded right now. Please try again in a moment.</Empty>;
  return (
    <div className="column">
      <h1 className="hidden">Feed</h1>
      {value.items.map((video) => (
        <VideoCard key={video.id} video={video} from={here} />
      ))}
      {value.items.length === 0 && <NoVideos member={await signedIn()} />}
      {value.next_cursor && (
        <Link className="button quiet more" href={`/?cursor=${encodeURIComponent(value.next_cursor)}`} prefetch={false}>
          Older videos
        </Link>
      )}
    </div>
  );
}

function NoVideos({ member }: { member: boolean }) {
  return (
    <Empty title="No videos yet">
      <Link href={member ? "/post" : "/register"} prefetch={false}>
        {member ? "Post the first one" : "Register and post the first one"}
      </Link>
    </Empty>
  );
}
