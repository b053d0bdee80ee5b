CREATE TABLE interaction.likes (
    video_id   uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    owner_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, user_id)
);
CREATE INDEX likes_user ON interaction.likes (user_id);
CREATE INDEX likes_owner ON interaction.likes (owner_id);

CREATE TABLE interaction.comments (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    video_id   uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    owner_id   uuid        NOT NULL,
    text       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_video ON interaction.comments (video_id, created_at DESC, id DESC);
CREATE INDEX comments_user ON interaction.comments (user_id);
CREATE INDEX comments_owner ON interaction.comments (owner_id);

CREATE TABLE interaction.views (
    video_id uuid   PRIMARY KEY,
    owner_id uuid   NOT NULL,
    count    bigint NOT NULL
);
CREATE INDEX views_owner ON interaction.views (owner_id);

-- Events that are not published yet. All events of a video are in one shard, and
-- a publisher locks the shard's row. Several pods can therefore publish in
-- parallel while the events of each video stay in order.
CREATE TABLE interaction.outbox (
    seq        bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    type       text        NOT NULL,
    actor_id   uuid        NOT NULL,
    video_id   uuid        NOT NULL,
    owner_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    shard      smallint    NOT NULL GENERATED ALWAYS AS (get_byte(uuid_send(video_id), 15) % 16) STORED
);
CREATE INDEX outbox_shard ON interaction.outbox (shard, seq);

CREATE TABLE interaction.outbox_shards (shard smallint PRIMARY KEY);
INSERT INTO interaction.outbox_shards SELECT generate_series(0, 15);
