// Package grpcapi serves interactions as the gRPC service
// interaction.v1.InteractionService.
package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/rpc"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
)

// Server implements interactionv1.InteractionServiceServer.
type Server struct {
	interactionv1.UnimplementedInteractionServiceServer
	Interactions *interactions.Service
}

// Like likes a video.
func (s *Server) Like(ctx context.Context, r *interactionv1.LikeRequest) (*interactionv1.LikeResponse, error) {
	return respond(&interactionv1.LikeResponse{}, s.Interactions.Like(ctx, r.GetUserId(), r.GetVideoId()))
}

// Unlike removes a like.
func (s *Server) Unlike(ctx context.Context, r *interactionv1.UnlikeRequest) (*interactionv1.UnlikeResponse, error) {
	return respond(&interactionv1.UnlikeResponse{}, s.Interactions.Unlike(ctx, r.GetUserId(), r.GetVideoId()))
}

// AddComment comments on a video.
func (s *Server) AddComment(ctx context.Context, r *interactionv1.AddCommentRequest) (*interactionv1.AddCommentResponse, error) {
	comment, err := s.Interactions.Comment(ctx, r.GetUserId(), r.GetVideoId(), r.GetText())
	return respond(&interactionv1.AddCommentResponse{Comment: message(comment)}, err)
}

// ListComments returns a page of comments.
func (s *Server) ListComments(ctx context.Context, r *interactionv1.ListCommentsRequest) (*interactionv1.ListCommentsResponse, error) {
	request, err := page.Parse(r.GetPageSize(), r.GetCursor())
	if err != nil {
		return nil, toStatus(err)
	}
	comments, next, err := s.Interactions.Comments(ctx, r.GetVideoId(), request)
	list := make([]*interactionv1.Comment, len(comments))
	for i, comment := range comments {
		list[i] = message(comment)
	}
	return respond(&interactionv1.ListCommentsResponse{Comments: list, NextCursor: next.String()}, err)
}

// AddView counts a view.
func (s *Server) AddView(ctx context.Context, r *interactionv1.AddViewRequest) (*interactionv1.AddViewResponse, error) {
	return respond(&interactionv1.AddViewResponse{}, s.Interactions.View(ctx, r.GetUserId(), r.GetVideoId()))
}

// GetStats returns the counts of videos.
func (s *Server) GetStats(ctx context.Context, r *interactionv1.GetStatsRequest) (*interactionv1.GetStatsResponse, error) {
	stats, err := s.Interactions.Stats(ctx, r.GetVideoIds(), r.GetViewerId())
	list := make([]*interactionv1.Stats, len(stats))
	for i, v := range stats {
		list[i] = &interactionv1.Stats{VideoId: v.VideoID, Likes: v.Likes, Comments: v.Comments, Views: v.Views, Liked: v.Liked}
	}
	return respond(&interactionv1.GetStatsResponse{Stats: list}, err)
}

// DeleteVideo deletes a video's interactions.
func (s *Server) DeleteVideo(ctx context.Context, r *interactionv1.DeleteVideoRequest) (*interactionv1.DeleteVideoResponse, error) {
	return respond(&interactionv1.DeleteVideoResponse{}, s.Interactions.DeleteVideo(ctx, r.GetVideoId()))
}

// DeleteUser deletes the interactions of a user and with the user's videos.
func (s *Server) DeleteUser(ctx context.Context, r *interactionv1.DeleteUserRequest) (*interactionv1.DeleteUserResponse, error) {
	return respond(&interactionv1.DeleteUserResponse{}, s.Interactions.DeleteUser(ctx, r.GetUserId()))
}

func respond[T any](reply *T, err error) (*T, error) {
	if err != nil {
		return nil, toStatus(err)
	}
	return reply, nil
}

func toStatus(err error) error { return rpc.Status(err, postgres.Unreachable) }

func message(c interactions.Comment) *interactionv1.Comment {
	return &interactionv1.Comment{Id: c.ID, UserId: c.UserID, Text: c.Text, CreatedAt: timestamppb.New(c.CreatedAt)}
}
