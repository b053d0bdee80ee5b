CREATE TABLE video.videos (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id    uuid        NOT NULL,
    title       text        NOT NULL,
    description text        NOT NULL,
    url         text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX videos_feed ON video.videos (created_at DESC, id DESC);
CREATE INDEX videos_owner ON video.videos (owner_id);

-- A separate table, so that reading the feed does not touch the content.
CREATE TABLE video.contents (
    video_id uuid  PRIMARY KEY REFERENCES video.videos ON DELETE CASCADE,
    type     text  NOT NULL,
    data     bytea NOT NULL
);
