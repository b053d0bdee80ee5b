package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tkdeploy.dev/tiktok/internal/requestid"
	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

// stack fakes all services. It records the calls and returns the errors in broken.
type stack struct {
	calls  []string
	broken map[string]error // by method, or by service for all its methods
}

func (s *stack) call(service, method string, r any) error {
	s.calls = append(s.calls, fmt.Sprintf("%s %v", method, r))
	if err := s.broken[service]; err != nil {
		return err
	}
	return s.broken[method]
}

type authStack struct {
	authv1.AuthServiceClient
	*stack
}

type videoStack struct {
	videov1.VideoServiceClient
	*stack
}

type interactionStack struct {
	interactionv1.InteractionServiceClient
	*stack
}

type notificationStack struct {
	notificationv1.NotificationServiceClient
	*stack
}

const aVideoID = "00000000-0000-4000-8000-000000000001"

var (
	aTime    = timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	aVideo   = &videov1.Video{Id: aVideoID, OwnerId: aUser.GetId(), Title: "cat", Url: "https://example.com/cat.mp4", CreatedAt: aTime}
	anUpload = &videov1.Video{Id: aVideoID, OwnerId: aUser.GetId(), Title: "cat", ContentType: "video/mp4", CreatedAt: aTime}
)

func (s authStack) GetUsernames(_ context.Context, _ *authv1.GetUsernamesRequest, _ ...grpc.CallOption) (*authv1.GetUsernamesResponse, error) {
	return &authv1.GetUsernamesResponse{Usernames: map[string]string{aUser.GetId(): "alice"}}, s.broken["auth"] // not recorded, because it is concurrent
}

func (s authStack) DeleteUser(_ context.Context, r *authv1.DeleteUserRequest, _ ...grpc.CallOption) (*authv1.DeleteUserResponse, error) {
	return &authv1.DeleteUserResponse{}, s.call("auth", "DeleteUser", r.GetId())
}

func (s videoStack) CreateVideo(_ context.Context, r *videov1.CreateVideoRequest, _ ...grpc.CallOption) (*videov1.CreateVideoResponse, error) {
	if r.GetOwnerId() != aUser.GetId() {
		return nil, fmt.Errorf("unexpected owner %q", r.GetOwnerId())
	}
	if len(r.GetContent()) > 0 {
		return &videov1.CreateVideoResponse{Video: anUpload}, s.call("video", "CreateVideo", len(r.GetContent()))
	}
	return &videov1.CreateVideoResponse{Video: aVideo}, s.call("video", "CreateVideo", r.GetUrl())
}

func (s videoStack) GetVideo(_ context.Context, r *videov1.GetVideoRequest, _ ...grpc.CallOption) (*videov1.GetVideoResponse, error) {
	return &videov1.GetVideoResponse{Video: aVideo}, s.call("video", "GetVideo", r.GetId())
}

func (s videoStack) GetContent(_ context.Context, r *videov1.GetContentRequest, _ ...grpc.CallOption) (*videov1.GetContentResponse, error) {
	return &videov1.GetContentResponse{ContentType: "video/mp4", Content: []byte("film")}, s.call("video", "GetContent", r.GetId())
}

func (s videoStack) GetTitles(context.Context, *videov1.GetTitlesRequest, ...grpc.CallOption) (*videov1.GetTitlesResponse, error) {
	return &videov1.GetTitlesResponse{Titles: map[string]string{aVideoID: "cat"}}, s.broken["video"]
}

func (s videoStack) ListFeed(_ context.Context, r *videov1.ListFeedRequest, _ ...grpc.CallOption) (*videov1.ListFeedResponse, error) {
	reply := &videov1.ListFeedResponse{Videos: []*videov1.Video{aVideo}, NextCursor: "next", FromCache: r.GetCursor() == ""}
	return reply, s.call("video", "ListFeed", fmt.Sprintf("%d %s", r.GetPageSize(), r.GetCursor()))
}

func (s videoStack) DeleteVideo(_ context.Context, r *videov1.DeleteVideoRequest, _ ...grpc.CallOption) (*videov1.DeleteVideoResponse, error) {
	return &videov1.DeleteVideoResponse{}, s.call("video", "DeleteVideo", r.GetOwnerId() == aUser.GetId())
}

func (s videoStack) DeleteVideosOf(_ context.Context, r *videov1.DeleteVideosOfRequest, _ ...grpc.CallOption) (*videov1.DeleteVideosOfResponse, error) {
	return &videov1.DeleteVideosOfResponse{}, s.call("video", "DeleteVideosOf", r.GetOwnerId())
}

func (s interactionStack) Like(_ context.Context, r *interactionv1.LikeRequest, _ ...grpc.CallOption) (*interactionv1.LikeResponse, error) {
	return &interactionv1.LikeResponse{}, s.call("interaction", "Like", r.GetVideoId()+r.GetUserId())
}

func (s interactionStack) Unlike(_ context.Context, r *interactionv1.UnlikeRequest, _ ...grpc.CallOption) (*interactionv1.UnlikeResponse, error) {
	return &interactionv1.UnlikeResponse{}, s.call("interaction", "Unlike", r.GetVideoId()+r.GetUserId())
}

func (s interactionStack) AddView(_ context.Context, r *interactionv1.AddViewRequest, _ ...grpc.CallOption) (*interactionv1.AddViewResponse, error) {
	return &interactionv1.AddViewResponse{}, s.call("interaction", "AddView", r.GetVideoId()+r.GetUserId())
}

func (s interactionStack) AddComment(_ context.Context, r *interactionv1.AddCommentRequest, _ ...grpc.CallOption) (*interactionv1.AddCommentResponse, error) {
	c := &interactionv1.Comment{Id: aVideoID, UserId: r.GetUserId(), Text: r.GetText(), CreatedAt: aTime}
	return &interactionv1.AddCommentResponse{Comment: c}, s.call("interaction", "AddComment", r.GetVideoId())
}

func (s interactionStack) ListComments(_ context.Context, r *interactionv1.ListCommentsRequest, _ ...grpc.CallOption) (*interactionv1.ListCommentsResponse, error) {
	c := &interactionv1.Comment{Id: aVideoID, UserId: aUser.GetId(), Text: "nice", CreatedAt: aTime}
	return &interactionv1.ListCommentsResponse{Comments: []*interactionv1.Comment{c}}, s.call("interaction", "ListComments", r.GetVideoId())
}

func (s interactionStack) GetStats(_ context.Context, r *interactionv1.GetStatsRequest, _ ...grpc.CallOption) (*interactionv1.GetStatsResponse, error) {
	stats := &interactionv1.Stats{VideoId: aVideoID, Likes: 1, Comments: 2, Views: 3, Liked: r.GetViewerId() == aUser.GetId()}
	return &interactionv1.GetStatsResponse{Stats: []*interactionv1.Stats{stats}}, s.broken["interaction"]
}

func (s interactionStack) DeleteVideo(_ context.Context, r *interactionv1.DeleteVideoRequest, _ ...grpc.CallOption) (*interactionv1.DeleteVideoResponse, error) {
	return &interactionv1.DeleteVideoResponse{}, s.call("interaction", "interactions.DeleteVideo", r.GetVideoId())
}

func (s interactionStack) DeleteUser(_ context.Context, r *interactionv1.DeleteUserRequest, _ ...grpc.CallOption) (*interactionv1.DeleteUserResponse, error) {
	return &interactionv1.DeleteUserResponse{}, s.call("interaction", "interactions.DeleteUser", r.GetUserId())
}

func (s notificationStack) ListNotifications(_ context.Context, r *notificationv1.ListNotificationsRequest, _ ...grpc.CallOption) (*notificationv1.ListNotificationsResponse, error) {
	n := &notificationv1.Notification{Id: aVideoID, Type: "liked", ActorId: aUser.GetId(), VideoId: aVideoID, CreatedAt: aTime}
	return &notificationv1.ListNotificationsResponse{Notifications: []*notificationv1.Notification{n}, Unread: 1}, s.call("notification", "ListNotifications", r.GetUserId())
}

func (s notificationStack) MarkRead(_ context.Context, r *notificationv1.MarkReadRequest, _ ...grpc.CallOption) (*notificationv1.MarkReadResponse, error) {
	return &notificationv1.MarkReadResponse{}, s.call("notification", "MarkRead", r.GetId()+r.GetUserId())
}

func (s notificationStack) DeleteVideo(_ context.Context, r *notificationv1.DeleteVideoRequest, _ ...grpc.CallOption) (*notificationv1.DeleteVideoResponse, error) {
	return &notificationv1.DeleteVideoResponse{}, s.call("notification", "notifications.DeleteVideo", r.GetVideoId())
}

func (s notificationStack) DeleteUser(_ context.Context, r *notificationv1.DeleteUserRequest, _ ...grpc.CallOption) (*notificationv1.DeleteUserResponse, error) {
	return &notificationv1.DeleteUserResponse{}, s.call("notification", "notifications.DeleteUser", r.GetUserId())
}

func (s *stack) handler() http.Handler {
	a := &API{
		Auth: authStack{stack: s}, Videos: videoStack{stack: s}, Interactions: interactionStack{stack: s}, Notifications: notificationStack{stack: s},
		Tokens: verifier{}, Limit: limiter(0), ClientOf: func(*http.Request) string { return "client" },
		Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	}
	mux := http.NewServeMux()
	a.Register(mux)
	return requestid.HTTP(a.Fallback(mux))
}

const (
	videoJSONText = `{"id":"00000000-0000-4000-8000-000000000001","author":{"id":"8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a","username":"alice"},"title":"cat","description":"","url":"https://example.com/cat.mp4","created_at":"2026-01-02T03:04:05Z","likes":1,"comments":2,"views":3,"liked":`
	videoPathText = "/api/v1/videos/" + aVideoID
	commentText   = `{"id":"00000000-0000-4000-8000-000000000001","author":{"id":"8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a","username":"alice"},"text":"nice","created_at":"2026-01-02T03:04:05Z"}`
)

// Each case is also checked against openapi.yaml.
func TestAPI_Videos(t *testing.T) {
	t.Parallel()
	openapi3filter.RegisterBodyDecoder("video/mp4", openapi3filter.FileBodyDecoder)
	_, router := loadDocument(t)
	away, gone := status.Error(codes.Unavailable, "10.1.2.3 refused"), status.Error(codes.NotFound, "no such video")
	big := `{"title":"cat","content_type":"video/mp4","content":"` + base64.StdEncoding.EncodeToString(make([]byte, 1<<20)) + `"}`
	user := aUser.GetId()
	tests := []struct {
		name, method, path, body string
		anonymous                bool
		broken                   map[string]error
		status                   int
		contains, header, calls  string
	}{
		{name: "post by URL", method: "POST", path: "/api/v1/videos", body: `{"title":"cat","url":"https://example.com/cat.mp4"}`, status: 201, contains: videoJSONText + "true}", header: "Location: " + videoPathText, calls: "CreateVideo https://example.com/cat.mp4"},
		{name: "post maximum content", method: "POST", path: "/api/v1/videos", body: big, status: 201, contains: `"url":"` + videoPathText + `/content","content_type":"video/mp4"`, calls: "CreateVideo 1048576"},
		{name: "post without a token", method: "POST", path: "/api/v1/videos", body: `{"title":"cat"}`, anonymous: true, status: 401},
		{name: "post a large body", method: "POST", path: "/api/v1/videos", body: `{"title":"` + strings.Repeat("a", maxPost) + `"}`, status: 413, contains: "KiB"},
		{name: "get a video", method: "GET", path: videoPathText, status: 200, contains: videoJSONText + "true}", calls: "GetVideo " + aVideoID},
		{name: "get a video anonymously", method: "GET", path: videoPathText, anonymous: true, status: 200, contains: videoJSONText + "false}", calls: "GetVideo " + aVideoID},
		{name: "no such video", method: "GET", path: videoPathText, broken: map[string]error{"GetVideo": gone}, status: 404, contains: "no such video", calls: "GetVideo " + aVideoID},
		{name: "get a video without details", method: "GET", path: videoPathText, broken: map[string]error{"interaction": away, "auth": away}, status: 200, contains: `"author":{"id":"8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a"},"title":"cat","description":"","url":"https://example.com/cat.mp4","created_at":"2026-01-02T03:04:05Z"}`, calls: "GetVideo " + aVideoID},
		{name: "content", method: "GET", path: videoPathText + "/content", anonymous: true, status: 200, contains: "film", header: "X-Content-Type-Options: nosniff", calls: "GetContent " + aVideoID},
		{name: "feed from the cache", method: "GET", path: "/api/v1/feed", anonymous: true, status: 200, contains: `{"videos":[` + videoJSONText + `false}],"next_cursor":"next"}`, header: "X-Cache: hit", calls: "ListFeed 0 "},
		{name: "second page of the feed", method: "GET", path: "/api/v1/feed?page_size=5&cursor=next", status: 200, header: "X-Cache: miss", calls: "ListFeed 5 next"},
		{name: "delete a video", method: "DELETE", path: videoPathText, status: 204, calls: "DeleteVideo true; interactions.DeleteVideo " + aVideoID + "; notifications.DeleteVideo " + aVideoID},
		{name: "delete another user's video", method: "DELETE", path: videoPathText, broken: map[string]error{"DeleteVideo": status.Error(codes.PermissionDenied, "another user's")}, status: 403, contains: "another user's", calls: "DeleteVideo true"},
		{name: "delete a video without interaction-service", method: "DELETE", path: videoPathText, broken: map[string]error{"interaction": away}, status: 204, calls: "DeleteVideo true; interactions.DeleteVideo " + aVideoID + "; notifications.DeleteVideo " + aVideoID},
		{name: "like", method: "PUT", path: videoPathText + "/like", status: 204, calls: "Like " + aVideoID + user},
		{name: "unlike", method: "DELETE", path: videoPathText + "/like", status: 204, calls: "Unlike " + aVideoID + user},
		{name: "like without a token", method: "PUT", path: videoPathText + "/like", anonymous: true, status: 401},
		{name: "service unavailable", method: "PUT", path: videoPathText + "/like", broken: map[string]error{"Like": away}, status: 503, header: "Retry-After: 1", calls: "Like " + aVideoID + user},
		{name: "view", method: "POST", path: videoPathText + "/views", status: 204, calls: "AddView " + aVideoID + user},
		{name: "comment", method: "POST", path: videoPathText + "/comments", body: `{"text":"nice"}`, status: 201, contains: commentText, calls: "AddComment " + aVideoID},
		{name: "comments", method: "GET", path: videoPathText + "/comments", anonymous: true, status: 200, contains: `{"comments":[` + commentText + `]}`, calls: "ListComments " + aVideoID},
		{name: "notifications", method: "GET", path: "/api/v1/notifications", status: 200, contains: `"type":"liked","actor":{"id":"8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a","username":"alice"},"video_id":"00000000-0000-4000-8000-000000000001","video_title":"cat","created_at":"2026-01-02T03:04:05Z","read":false}],"unread":1}`, calls: "ListNotifications " + user},
		{name: "mark read", method: "POST", path: "/api/v1/notifications/" + aVideoID + "/read", status: 204, calls: "MarkRead " + aVideoID + user},
		{name: "delete the account", method: "DELETE", path: "/api/v1/me", status: 204, calls: "DeleteVideosOf " + user + "; interactions.DeleteUser " + user + "; notifications.DeleteUser " + user + "; DeleteUser " + user},
		{name: "keep the account after a failure", method: "DELETE", path: "/api/v1/me", broken: map[string]error{"interaction": away}, status: 503, header: "Retry-After: 1", calls: "DeleteVideosOf " + user + "; interactions.DeleteUser " + user + "; notifications.DeleteUser " + user},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &stack{broken: test.broken}
			request := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body))
			if test.body != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			if !test.anonymous {
				request.Header.Set("Authorization", "Bearer good")
			}
			response := httptest.NewRecorder()
			s.handler().ServeHTTP(response, request)
			if response.Code != test.status || !strings.Contains(response.Body.String(), test.contains) {
				t.Fatalf("got %d %s, want %d with %s", response.Code, response.Body, test.status, test.contains)
			}
			if name, value, ok := strings.Cut(test.header, ": "); ok && response.Header().Get(name) != value {
				t.Errorf("header %s: got %q, want %q", name, response.Header().Get(name), value)
			}
			if got := strings.Join(s.calls, "; "); got != test.calls {
				t.Errorf("got calls %s, want %s", got, test.calls)
			}
			if strings.Contains(response.Body.String(), "10.1.2.3") {
				t.Errorf("the response shows internal details: %s", response.Body)
			}
			checkDocumented(t, router, request, test.body, response)
		})
	}
}

func TestDeployed(t *testing.T) {
	t.Parallel()
	t.Run("names the missing service", func(t *testing.T) {
		t.Parallel()
		for path, service := range map[string]string{
			"/api/v1/feed": "video-service", videoPathText + "/comments": "interaction-service", "/api/v1/notifications": "notification-service",
		} {
			response := httptest.NewRecorder()
			newHandler(backend{}, 0).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
			if want := service + " is not deployed"; response.Code != 503 || !strings.Contains(response.Body.String(), want) {
				t.Errorf("%s: got %d %s, want 503 with %s", path, response.Code, response.Body, want)
			}
		}
	})
}

func TestAPI_Feed(t *testing.T) {
	t.Parallel()
	t.Run("rejects invalid page sizes and tokens", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name, path, token string
			status            int
		}{
			{"size that is not a number", "/api/v1/feed?page_size=x", "", 422},
			{"size 0", "/api/v1/feed?page_size=0", "", 422},
			{"invalid optional token", "/api/v1/feed", "Bearer bad", 401},
		} {
			request := httptest.NewRequestWithContext(t.Context(), "GET", test.path, nil)
			if test.token != "" {
				request.Header.Set("Authorization", test.token)
			}
			response := httptest.NewRecorder()
			if (&stack{}).handler().ServeHTTP(response, request); response.Code != test.status {
				t.Errorf("%s: got %d %s, want %d", test.name, response.Code, response.Body, test.status)
			}
		}
	})
}

func TestAPI_Content(t *testing.T) {
	t.Parallel()
	t.Run("serves ranges", func(t *testing.T) {
		t.Parallel()
		request := httptest.NewRequestWithContext(t.Context(), "GET", videoPathText+"/content", nil)
		request.Header.Set("Range", "bytes=1-2")
		response := httptest.NewRecorder()
		(&stack{}).handler().ServeHTTP(response, request)
		if response.Code != http.StatusPartialContent || response.Body.String() != "il" || response.Header().Get("Content-Type") != "video/mp4" {
			t.Errorf("got %d %s, want 206 with il as video/mp4", response.Code, response.Body)
		}
	})
}
