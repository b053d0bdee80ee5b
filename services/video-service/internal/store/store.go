// Package store stores videos in PostgreSQL.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
	"tkdeploy.dev/tiktok/video-service/internal/videos"
)

// Schema is the database schema.
const Schema = "video"

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

// Store implements [videos.Store].
type Store struct{ Pool *pgxpool.Pool }

var _ videos.Store = Store{}

const query = `SELECT v.id::text, owner_id::text, title, description, url, coalesce(type, ''), created_at
	FROM video.videos v LEFT JOIN video.contents c ON c.video_id = v.id `

func scan(row pgx.CollectableRow) (v videos.Video, err error) {
	err = row.Scan(&v.ID, &v.OwnerID, &v.Title, &v.Description, &v.URL, &v.ContentType, &v.CreatedAt)
	return v, err
}

// Create implements [videos.Store].
func (s Store) Create(ctx context.Context, p videos.Post) (videos.Video, error) {
	v := videos.Video{OwnerID: p.OwnerID, Title: p.Title, Description: p.Description, URL: p.URL, ContentType: p.Content.Type}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		const insert = `INSERT INTO video.videos (owner_id, title, description, url) VALUES ($1, $2, $3, $4) RETURNING id::text, created_at`
		if err := tx.QueryRow(ctx, insert, p.OwnerID, p.Title, p.Description, p.URL).Scan(&v.ID, &v.CreatedAt); err != nil {
			return err
		}
		if len(p.Content.Data) == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, `INSERT INTO video.contents (video_id, type, data) VALUES ($1, $2, $3)`, v.ID, p.Content.Type, p.Content.Data)
		return err
	})
	if err != nil {
		return videos.Video{}, fmt.Errorf("create video: %w", err)
	}
	return v, nil
}

// ByID implements [videos.Store]. An id that is not a UUID is not found.
func (s Store) ByID(ctx context.Context, id string) (videos.Video, error) {
	key, err := parse(id)
	if err != nil {
		return videos.Video{}, err
	}
	rows, err := s.Pool.Query(ctx, query+`WHERE v.id = $1`, key)
	if err != nil {
		return videos.Video{}, fmt.Errorf("find video: %w", err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, scan)
	return v, found("find video", err)
}

// Content implements [videos.Store].
func (s Store) Content(ctx context.Context, id string) (c videos.Content, err error) {
	key, err := parse(id)
	if err != nil {
		return videos.Content{}, err
	}
	err = s.Pool.QueryRow(ctx, `SELECT type, data FROM video.contents WHERE video_id = $1`, key).Scan(&c.Type, &c.Data)
	return c, found("find content", err)
}

// Titles implements [videos.Store].
func (s Store) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !refusal.IsUUID(id) })
	rows, err := s.Pool.Query(ctx, `SELECT id::text, title FROM video.videos WHERE id = ANY($1::uuid[])`, ids)
	if err != nil {
		return nil, fmt.Errorf("find titles: %w", err)
	}
	titles := map[string]string{}
	var id, title string
	_, err = pgx.ForEachRow(rows, []any{&id, &title}, func() error { titles[id] = title; return nil })
	if err != nil {
		return nil, fmt.Errorf("find titles: %w", err)
	}
	return titles, nil
}

// List implements [videos.Store].
func (s Store) List(ctx context.Context, after page.Cursor, limit int) ([]videos.Video, error) {
	at, id := after.Below()
	rows, err := s.Pool.Query(ctx, query+`WHERE (created_at, v.id) < ($1, $2) ORDER BY created_at DESC, v.id DESC LIMIT $3`, at, id, limit)
	if err != nil {
		return nil, fmt.Errorf("list videos: %w", err)
	}
	list, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("list videos: %w", err)
	}
	return list, nil
}

// Delete implements [videos.Store].
func (s Store) Delete(ctx context.Context, id, ownerID string) error {
	v, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	if v.OwnerID != ownerID { // final, because owners do not change
		return videos.ErrForbidden
	}
	deleted, err := s.Pool.Exec(ctx, `DELETE FROM video.videos WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("delete video: %w", err)
	}
	if deleted.RowsAffected() == 0 {
		return videos.ErrNotFound // deleted concurrently
	}
	return nil
}

// DeleteOf implements [videos.Store].
func (s Store) DeleteOf(ctx context.Context, ownerID string) (int64, error) {
	deleted, err := s.Pool.Exec(ctx, `DELETE FROM video.videos WHERE owner_id = $1`, ownerID)
	if err != nil {
		return 0, fmt.Errorf("delete videos of a user: %w", err)
	}
	return deleted.RowsAffected(), nil
}

func parse(id string) (key pgtype.UUID, err error) {
	if key.Scan(id) != nil {
		return key, videos.ErrNotFound
	}
	return key, nil
}

func found(doing string, err error) error {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return videos.ErrNotFound
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
