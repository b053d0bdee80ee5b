// Package grpcapi serves videos as the gRPC service video.v1.VideoService.
package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/rpc"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
	"tkdeploy.dev/tiktok/video-service/internal/videos"
)

// Server implements videov1.VideoServiceServer.
type Server struct {
	videov1.UnimplementedVideoServiceServer
	Videos *videos.Service
}

// CreateVideo posts a video.
func (s *Server) CreateVideo(ctx context.Context, r *videov1.CreateVideoRequest) (*videov1.CreateVideoResponse, error) {
	video, err := s.Videos.Create(ctx, videos.Post{
		OwnerID: r.GetOwnerId(), Title: r.GetTitle(), Description: r.GetDescription(), URL: r.GetUrl(),
		Content: videos.Content{Type: r.GetContentType(), Data: r.GetContent()},
	})
	if err != nil {
		return nil, toStatus(err)
	}
	return &videov1.CreateVideoResponse{Video: message(video)}, nil
}

// GetVideo returns a video.
func (s *Server) GetVideo(ctx context.Context, r *videov1.GetVideoRequest) (*videov1.GetVideoResponse, error) {
	video, err := s.Videos.Video(ctx, r.GetId())
	if err != nil {
		return nil, toStatus(err)
	}
	return &videov1.GetVideoResponse{Video: message(video)}, nil
}

// GetContent returns a video's content.
func (s *Server) GetContent(ctx context.Context, r *videov1.GetContentRequest) (*videov1.GetContentResponse, error) {
	content, err := s.Videos.Content(ctx, r.GetId())
	if err != nil {
		return nil, toStatus(err)
	}
	return &videov1.GetContentResponse{ContentType: content.Type, Content: content.Data}, nil
}

// GetTitles returns the titles of videos.
func (s *Server) GetTitles(ctx context.Context, r *videov1.GetTitlesRequest) (*videov1.GetTitlesResponse, error) {
	titles, err := s.Videos.Titles(ctx, r.GetIds())
	if err != nil {
		return nil, toStatus(err)
	}
	return &videov1.GetTitlesResponse{Titles: titles}, nil
}

// ListFeed returns a page of the feed.
func (s *Server) ListFeed(ctx context.Context, r *videov1.ListFeedRequest) (*videov1.ListFeedResponse, error) {
	request, err := page.Parse(r.GetPageSize(), r.GetCursor())
	if err != nil {
		return nil, toStatus(err)
	}
	feed, err := s.Videos.Feed(ctx, request)
	if err != nil {
		return nil, toStatus(err)
	}
	list := make([]*videov1.Video, len(feed.Videos))
	for i, video := range feed.Videos {
		list[i] = message(video)
	}
	return &videov1.ListFeedResponse{Videos: list, NextCursor: feed.Next.String(), FromCache: feed.FromCache}, nil
}

// DeleteVideo deletes a video on behalf of its owner.
func (s *Server) DeleteVideo(ctx context.Context, r *videov1.DeleteVideoRequest) (*videov1.DeleteVideoResponse, error) {
	if err := s.Videos.Delete(ctx, r.GetId(), r.GetOwnerId()); err != nil {
		return nil, toStatus(err)
	}
	return &videov1.DeleteVideoResponse{}, nil
}

// DeleteVideosOf deletes all videos of a user.
func (s *Server) DeleteVideosOf(ctx context.Context, r *videov1.DeleteVideosOfRequest) (*videov1.DeleteVideosOfResponse, error) {
	if err := s.Videos.DeleteOf(ctx, r.GetOwnerId()); err != nil {
		return nil, toStatus(err)
	}
	return &videov1.DeleteVideosOfResponse{}, nil
}

func toStatus(err error) error { return rpc.Status(err, postgres.Unreachable) }

func message(v videos.Video) *videov1.Video {
	return &videov1.Video{
		Id: v.ID, OwnerId: v.OwnerID, Title: v.Title, Description: v.Description,
		Url: v.URL, ContentType: v.ContentType, CreatedAt: timestamppb.New(v.CreatedAt),
	}
}
