// Package store stores likes, comments, views and their events in PostgreSQL.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/internal/events"
)

// Schema is the database schema.
const Schema = "interaction"

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

// Store implements [interactions.Store].
type Store struct{ Pool *pgxpool.Pool }

var _ interactions.Store = Store{}

// Like implements [interactions.Store].
func (s Store) Like(ctx context.Context, a interactions.Action) error {
	return s.change(ctx, "like", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO interaction.likes (video_id, user_id, owner_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			a.Video, a.User, a.Owner)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return emit(ctx, tx, events.Liked, a)
	})
}

// Unlike implements [interactions.Store].
func (s Store) Unlike(ctx context.Context, user, video string) error {
	return s.change(ctx, "unlike", func(tx pgx.Tx) error {
		a := interactions.Action{User: user, Video: video}
		err := tx.QueryRow(ctx, `DELETE FROM interaction.likes WHERE video_id = $1 AND user_id = $2 RETURNING owner_id::text`,
			video, user).Scan(&a.Owner)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return emit(ctx, tx, events.Unliked, a)
	})
}

// Comment implements [interactions.Store].
func (s Store) Comment(ctx context.Context, a interactions.Action, text string) (interactions.Comment, error) {
	c := interactions.Comment{UserID: a.User, Text: text}
	err := s.change(ctx, "comment", func(tx pgx.Tx) error {
		const insert = `INSERT INTO interaction.comments (video_id, user_id, owner_id, text) VALUES ($1, $2, $3, $4) RETURNING id::text, created_at`
		if err := tx.QueryRow(ctx, insert, a.Video, a.User, a.Owner, text).Scan(&c.ID, &c.CreatedAt); err != nil {
			return err
		}
		return emit(ctx, tx, events.Commented, a)
	})
	return c, err
}

// View implements [interactions.Store].
func (s Store) View(ctx context.Context, a interactions.Action) error {
	return s.change(ctx, "count view", func(tx pgx.Tx) error {
		const add = `INSERT INTO interaction.views AS v (video_id, owner_id, count) VALUES ($1, $2, 1)
			ON CONFLICT (video_id) DO UPDATE SET count = v.count + 1`
		if _, err := tx.Exec(ctx, add, a.Video, a.Owner); err != nil {
			return err
		}
		return emit(ctx, tx, events.Viewed, a)
	})
}

// DeleteVideo implements [interactions.Store].
func (s Store) DeleteVideo(ctx context.Context, video string) error {
	return s.change(ctx, "delete video", func(tx pgx.Tx) error {
		return all(ctx, tx, video, `DELETE FROM interaction.likes WHERE video_id = $1`,
			`DELETE FROM interaction.comments WHERE video_id = $1`, `DELETE FROM interaction.views WHERE video_id = $1`)
	})
}

// DeleteUser implements [interactions.Store].
func (s Store) DeleteUser(ctx context.Context, user string) error {
	return s.change(ctx, "delete user", func(tx pgx.Tx) error {
		return all(ctx, tx, user, `DELETE FROM interaction.likes WHERE user_id = $1 OR owner_id = $1`,
			`DELETE FROM interaction.comments WHERE user_id = $1 OR owner_id = $1`, `DELETE FROM interaction.views WHERE owner_id = $1`)
	})
}

func (s Store) change(ctx context.Context, doing string, do func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, s.Pool, do); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func all(ctx context.Context, tx pgx.Tx, id string, statements ...string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}

// emit must be the last statement. An action that waited for another one's row
// lock then follows it in the outbox.
func emit(ctx context.Context, tx pgx.Tx, kind events.Type, a interactions.Action) error {
	_, err := tx.Exec(ctx, `INSERT INTO interaction.outbox (type, actor_id, video_id, owner_id) VALUES ($1, $2, $3, $4)`,
		string(kind), a.User, a.Video, a.Owner)
	return err
}
