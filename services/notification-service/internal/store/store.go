// Package store stores notifications in PostgreSQL.
package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/notification-service/internal/notifications"
)

// Schema is the database schema.
const Schema = "notification"

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the schema's migrations.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return files
}

// Store implements [notifications.Store].
type Store struct{ Pool *pgxpool.Pool }

var _ notifications.Store = Store{}

// Add implements [notifications.Store]. It runs in one transaction.
func (s Store) Add(ctx context.Context, list []events.Event) error {
	const insert = `INSERT INTO notification.notifications (id, user_id, type, actor_id, video_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`
	batch := &pgx.Batch{}
	for _, e := range list {
		batch.Queue(insert, e.ID, e.Owner, string(e.Type), e.Actor, e.Video, e.Time)
	}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	if err != nil {
		return fmt.Errorf("store notifications: %w", err)
	}
	return nil
}

// List implements [notifications.Store].
func (s Store) List(ctx context.Context, user string, after page.Cursor, limit int) ([]notifications.Notification, error) {
	at, id := after.Below()
	rows, err := s.Pool.Query(ctx, `SELECT id::text, type, actor_id::text, video_id::text, created_at, read
		FROM notification.notifications WHERE user_id = $1 AND (created_at, id) < ($2, $3)
		ORDER BY created_at DESC, id DESC LIMIT $4`, user, at, id, limit)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[notifications.Notification])
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return list, nil
}

// Unread implements [notifications.Store].
func (s Store) Unread(ctx context.Context, user string) (n int64, err error) {
	err = s.Pool.QueryRow(ctx, `SELECT count(*) FROM notification.notifications WHERE user_id = $1 AND NOT read`, user).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count unread notifications: %w", err)
	}
	return n, nil
}

// MarkRead implements [notifications.Store].
func (s Store) MarkRead(ctx context.Context, user, id string) error {
	n, err := s.exec(ctx, "mark notification", `UPDATE notification.notifications SET read = true WHERE user_id = $1 AND id = $2`, user, id)
	if err == nil && n == 0 {
		return notifications.ErrNotFound
	}
	return err
}

// DeleteVideo implements [notifications.Store].
func (s Store) DeleteVideo(ctx context.Context, video string) error {
	_, err := s.exec(ctx, "delete notifications of a video", `DELETE FROM notification.notifications WHERE video_id = $1`, video)
	return err
}

// DeleteUser implements [notifications.Store].
func (s Store) DeleteUser(ctx context.Context, user string) error {
	_, err := s.exec(ctx, "delete notifications of a user", `DELETE FROM notification.notifications WHERE user_id = $1 OR actor_id = $1`, user)
	return err
}

func (s Store) exec(ctx context.Context, doing, statement string, args ...any) (int64, error) {
	tag, err := s.Pool.Exec(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	return tag.RowsAffected(), nil
}
