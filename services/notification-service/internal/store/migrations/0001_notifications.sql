-- The id is that of the event, so a repeated event conflicts with the existing
-- row.
CREATE TABLE notification.notifications (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    type       text        NOT NULL,
    actor_id   uuid        NOT NULL,
    video_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    read       boolean     NOT NULL DEFAULT false
);
CREATE INDEX notifications_user ON notification.notifications (user_id, created_at DESC, id DESC);
CREATE INDEX notifications_unread ON notification.notifications (user_id) WHERE NOT read;
CREATE INDEX notifications_actor ON notification.notifications (actor_id);
CREATE INDEX notifications_video ON notification.notifications (video_id);
