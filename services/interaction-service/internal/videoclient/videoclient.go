// Package videoclient queries video-service for the owners of videos.
package videoclient

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

// SafeToRetry lists the methods that [Client] calls.
var SafeToRetry = []string{videov1.VideoService_ServiceDesc.ServiceName + "/GetVideo"}

// Client implements [interactions.Videos].
type Client struct{ Service videov1.VideoServiceClient }

var _ interactions.Videos = Client{}

// Owner implements [interactions.Videos].
func (c Client) Owner(ctx context.Context, video string) (string, error) {
	reply, err := c.Service.GetVideo(ctx, &videov1.GetVideoRequest{Id: video})
	if status.Code(err) == codes.NotFound {
		return "", interactions.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("get the owner of a video: %w", err)
	}
	return reply.GetVideo().GetOwnerId(), nil
}
