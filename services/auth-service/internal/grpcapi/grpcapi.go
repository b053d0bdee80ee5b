// Package grpcapi serves accounts as the gRPC service auth.v1.AuthService.
package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
)

// Server implements authv1.AuthServiceServer.
type Server struct {
	authv1.UnimplementedAuthServiceServer
	Accounts *accounts.Service
}

// Register creates an account.
func (s *Server) Register(ctx context.Context, r *authv1.RegisterRequest) (*authv1.RegisterResponse, error) {
	user, err := s.Accounts.Register(ctx, accounts.Registration{
		Username: r.GetUsername(), Email: r.GetEmail(), Password: r.GetPassword(),
	})
	if err != nil {
		return nil, toStatus(err)
	}
	return &authv1.RegisterResponse{User: userMessage(user)}, nil
}

// Login opens a session.
func (s *Server) Login(ctx context.Context, r *authv1.LoginRequest) (*authv1.LoginResponse, error) {
	tokens, err := s.Accounts.Login(ctx, r.GetEmail(), r.GetPassword())
	if err != nil {
		return nil, toStatus(err)
	}
	return &authv1.LoginResponse{Tokens: tokensMessage(tokens)}, nil
}

// Refresh exchanges a refresh token for new tokens.
func (s *Server) Refresh(ctx context.Context, r *authv1.RefreshRequest) (*authv1.RefreshResponse, error) {
	tokens, err := s.Accounts.Refresh(ctx, r.GetRefreshToken())
	if err != nil {
		return nil, toStatus(err)
	}
	return &authv1.RefreshResponse{Tokens: tokensMessage(tokens)}, nil
}

// GetUser returns an account.
func (s *Server) GetUser(ctx context.Context, r *authv1.GetUserRequest) (*authv1.GetUserResponse, error) {
	user, err := s.Accounts.User(ctx, r.GetId())
	if err != nil {
		return nil, toStatus(err)
	}
	return &authv1.GetUserResponse{User: userMessage(user)}, nil
}

// GetUsernames returns the names of users.
func (s *Server) GetUsernames(ctx context.Context, r *authv1.GetUsernamesRequest) (*authv1.GetUsernamesResponse, error) {
	names, err := s.Accounts.Usernames(ctx, r.GetIds())
	if err != nil {
		return nil, toStatus(err)
	}
	return &authv1.GetUsernamesResponse{Usernames: names}, nil
}

// DeleteUser deletes an account.
func (s *Server) DeleteUser(ctx context.Context, r *authv1.DeleteUserRequest) (*authv1.DeleteUserResponse, error) {
	if err := s.Accounts.Delete(ctx, r.GetId()); err != nil {
		return nil, toStatus(err)
	}
	return &authv1.DeleteUserResponse{}, nil
}

func userMessage(u accounts.User) *authv1.User {
	return &authv1.User{Id: u.ID, Username: u.Username, Email: u.Email, CreatedAt: timestamppb.New(u.CreatedAt)}
}

func tokensMessage(t accounts.Tokens) *authv1.Tokens {
	return &authv1.Tokens{AccessToken: t.Access, ExpiresIn: durationpb.New(t.ExpiresIn), RefreshToken: t.Refresh}
}
