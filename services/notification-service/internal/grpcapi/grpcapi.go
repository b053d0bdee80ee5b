// Package grpcapi serves notifications as the gRPC service
// notification.v1.NotificationService.
package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/rpc"
	"tkdeploy.dev/tiktok/notification-service/internal/notifications"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
)

// Server implements notificationv1.NotificationServiceServer.
type Server struct {
	notificationv1.UnimplementedNotificationServiceServer
	Notifications *notifications.Service
}

// ListNotifications returns a page of a user's notifications.
func (s *Server) ListNotifications(ctx context.Context, r *notificationv1.ListNotificationsRequest) (*notificationv1.ListNotificationsResponse, error) {
	request, err := page.Parse(r.GetPageSize(), r.GetCursor())
	if err != nil {
		return nil, toStatus(err)
	}
	found, err := s.Notifications.List(ctx, r.GetUserId(), request)
	list := make([]*notificationv1.Notification, len(found.Notifications))
	for i, n := range found.Notifications {
		list[i] = message(n)
	}
	return respond(&notificationv1.ListNotificationsResponse{Notifications: list, NextCursor: found.Next.String(), Unread: found.Unread}, err)
}

// MarkRead marks a notification as read.
func (s *Server) MarkRead(ctx context.Context, r *notificationv1.MarkReadRequest) (*notificationv1.MarkReadResponse, error) {
	return respond(&notificationv1.MarkReadResponse{}, s.Notifications.MarkRead(ctx, r.GetUserId(), r.GetId()))
}

// DeleteVideo deletes the notifications about a video.
func (s *Server) DeleteVideo(ctx context.Context, r *notificationv1.DeleteVideoRequest) (*notificationv1.DeleteVideoResponse, error) {
	return respond(&notificationv1.DeleteVideoResponse{}, s.Notifications.DeleteVideo(ctx, r.GetVideoId()))
}

// DeleteUser deletes the notifications for and about a user.
func (s *Server) DeleteUser(ctx context.Context, r *notificationv1.DeleteUserRequest) (*notificationv1.DeleteUserResponse, error) {
	return respond(&notificationv1.DeleteUserResponse{}, s.Notifications.DeleteUser(ctx, r.GetUserId()))
}

func respond[T any](reply *T, err error) (*T, error) {
	if err != nil {
		return nil, toStatus(err)
	}
	return reply, nil
}

func toStatus(err error) error { return rpc.Status(err, postgres.Unreachable) }

func message(n notifications.Notification) *notificationv1.Notification {
	return &notificationv1.Notification{
		Id: n.ID, Type: n.Type, ActorId: n.ActorID, VideoId: n.VideoID, CreatedAt: timestamppb.New(n.CreatedAt), Read: n.Read,
	}
}
