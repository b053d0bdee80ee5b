package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/internal/page"
)

// Comments implements [interactions.Store].
func (s Store) Comments(ctx context.Context, video string, after page.Cursor, limit int) ([]interactions.Comment, error) {
	at, id := after.Below()
	rows, err := s.Pool.Query(ctx, `SELECT id::text, user_id::text, text, created_at FROM interaction.comments
		WHERE video_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`, video, at, id, limit)
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interactions.Comment])
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	return list, nil
}

// Stats implements [interactions.Store].
func (s Store) Stats(ctx context.Context, videos []string, viewer string) ([]interactions.Stats, error) {
	rows, err := s.Pool.Query(ctx, `SELECT v.id::text,
		(SELECT count(*) FROM interaction.likes WHERE video_id = v.id),
		(SELECT count(*) FROM interaction.comments WHERE video_id = v.id),
		coalesce((SELECT count FROM interaction.views WHERE video_id = v.id), 0),
		EXISTS (SELECT FROM interaction.likes WHERE video_id = v.id AND user_id = nullif($2, '')::uuid)
		FROM unnest($1::uuid[]) WITH ORDINALITY v(id, n) ORDER BY n`, videos, viewer)
	if err != nil {
		return nil, fmt.Errorf("count interactions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interactions.Stats])
	if err != nil {
		return nil, fmt.Errorf("count interactions: %w", err)
	}
	return list, nil
}
