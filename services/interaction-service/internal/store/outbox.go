package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tkdeploy.dev/tiktok/internal/events"
)

// batch limits the transaction of [Store.Publish].
const batch = 200

// Publish locks a free shard of the outbox, passes its oldest events to send,
// and removes those whose ids send returns, even with an error. worked reports
// whether there was any event.
//
// Events that were sent but not removed are sent again with the same ids.
func (s Store) Publish(ctx context.Context, send func(context.Context, []events.Event) ([]string, error)) (worked bool, err error) {
	var failed error
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		pending, err := claim(ctx, tx)
		if err != nil || len(pending) == 0 {
			return err
		}
		worked = true
		var sent []string
		sent, failed = send(ctx, pending)
		_, err = tx.Exec(ctx, `DELETE FROM interaction.outbox WHERE id = ANY($1::uuid[])`, sent)
		return err
	})
	if err := errors.Join(failed, err); err != nil {
		return worked, fmt.Errorf("publish events: %w", err)
	}
	return worked, nil
}

// claim locks a shard and then reads its events. The previous holder has
// committed by then.
func claim(ctx context.Context, tx pgx.Tx) ([]events.Event, error) {
	var shard int16
	err := tx.QueryRow(ctx, `SELECT shard FROM interaction.outbox_shards s
		WHERE EXISTS (SELECT FROM interaction.outbox o WHERE o.shard = s.shard)
		ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED`).Scan(&shard) // random: a failing shard does not block the others
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT id::text, type, actor_id::text, video_id::text, owner_id::text, created_at
		FROM interaction.outbox WHERE shard = $1 ORDER BY seq LIMIT $2`, shard, batch)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[events.Event])
}
