package main

import (
	"tkdeploy.dev/tiktok/api-gateway/internal/api"
	"tkdeploy.dev/tiktok/internal/health"
	"tkdeploy.dev/tiktok/internal/rpc"
	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

// connections are nil for services that are not deployed.
type connections struct {
	auth, video, interaction, notification *rpc.Conn
}

// dial allows retries only for calls that change nothing.
func dial(set settings) (conns connections, err error) {
	for _, service := range []struct {
		conn **rpc.Conn
		addr string
		name string
		safe []string
	}{
		{&conns.auth, set.authAddr, authv1.AuthService_ServiceDesc.ServiceName, []string{"GetUser", "GetUsernames"}},
		{&conns.video, set.videoAddr, videov1.VideoService_ServiceDesc.ServiceName, []string{"GetVideo", "GetContent", "GetTitles", "ListFeed"}},
		{&conns.interaction, set.interactionAddr, interactionv1.InteractionService_ServiceDesc.ServiceName, []string{"ListComments", "GetStats"}},
		{&conns.notification, set.notificationAddr, notificationv1.NotificationService_ServiceDesc.ServiceName, []string{"ListNotifications"}},
	} {
		if service.addr == "" {
			continue
		}
		for i, method := range service.safe {
			service.safe[i] = service.name + "/" + method
		}
		if *service.conn, err = rpc.Dial("dns:///"+service.addr, service.safe); err != nil {
			conns.close()
			return connections{}, err
		}
	}
	return conns, nil
}

func (c connections) close() {
	for _, conn := range []*rpc.Conn{c.auth, c.video, c.interaction, c.notification} {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// checks returns the readiness checks. The gateway works without the optional
// services.
func (c connections) checks() []health.Check {
	checks := []health.Check{{Name: "auth-service", Probe: rpc.Probe(c.auth)}}
	for _, service := range []struct {
		name string
		conn *rpc.Conn
	}{{"video-service", c.video}, {"interaction-service", c.interaction}, {"notification-service", c.notification}} {
		if service.conn != nil {
			checks = append(checks, health.Check{Name: service.name, Optional: true, Probe: rpc.Probe(service.conn)})
		}
	}
	return checks
}

func (c connections) setClients(gateway *api.API) {
	gateway.Auth = authv1.NewAuthServiceClient(c.auth)
	if c.video != nil {
		gateway.Videos = videov1.NewVideoServiceClient(c.video)
	}
	if c.interaction != nil {
		gateway.Interactions = interactionv1.NewInteractionServiceClient(c.interaction)
	}
	if c.notification != nil {
		gateway.Notifications = notificationv1.NewNotificationServiceClient(c.notification)
	}
}
