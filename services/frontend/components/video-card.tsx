import Link from "next/link";

import { setLike } from "@/app/actions/videos";
import type { Video } from "@/lib/gateway/types";
import { media } from "@/lib/media";
import { ago } from "@/lib/time";
import { Bubble, Eye, Play } from "./icons";
import { LikeButton } from "./like-button";

/** VideoCard shows a video. from is the page that contains it. With link, the title links to the video's own page. */
export function VideoCard({ video, from, link = true }: { video: Video; from: string; link?: boolean }) {
  const page = `/videos/${encodeURIComponent(video.id)}`;
  return (
    <article className="card" aria-labelledby={`title-${video.id}`}>
      <Screen video={video} />
      <div className="card-body">
        <p className="meta">
          <strong>@{video.author}</strong>
          <time dateTime={video.created_at}>{ago(video.created_at)}</time>
        </p>
        <h2 id={`title-${video.id}`}>
          {link ? (
            <Link href={page} prefetch={false}>
              {video.title}
            </Link>
          ) : (
            video.title
          )}
        </h2>
        {video.description && <p className="description">{video.description}</p>}
        <div className="actions">
          <LikeButton action={setLike} video={{ id: video.id, title: video.title, likes: video.likes, liked: video.liked }} from={from} />
          <Link href={`${page}#comments`} prefetch={false} className="stat" aria-label={`${video.comments ?? "no number of"} comments`}>
            <Bubble /> <span className="count">{video.comments ?? "–"}</span>
          </Link>
          <span className="stat" role="img" aria-label={`${video.views ?? "no number of"} views`}>
            <Eye /> <span className="count">{video.views ?? "–"}</span>
          </span>
        </div>
      </div>
    </article>
  );
}

/** Screen plays a file and links to anything else. It loads nothing from other hosts before a click. */
function Screen({ video }: { video: Video }) {
  const shown = media(video);
  const look = `screen hue-${hue(video.id)}`;
  if (shown.kind === "file") {
    return <video className={look} src={shown.url} controls playsInline preload="none" aria-label={video.title} />;
  }
  if (shown.kind === "image") {
    // eslint-disable-next-line @next/next/no-img-element -- image optimization is disabled
    return <img className={look} src={shown.url} alt={video.title} loading="lazy" />;
  }
  if (shown.kind === "page") {
    return (
      <a className={look} href={shown.url} rel="noopener noreferrer nofollow" target="_blank" aria-label={`Watch ${video.title} at ${shown.host}`}>
        <span className="play">
          <Play />
        </span>
        <span className="host">{shown.host}</span>
      </a>
    );
  }
  return <div className={look} />;
}

/** hue returns one of the style sheet's colors, always the same one for a video. */
function hue(id: string): number {
  return [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 6;
}
