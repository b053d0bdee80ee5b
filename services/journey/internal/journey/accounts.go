package journey

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
)

type account struct {
	email, password string

	attempted bool   // the account may exist
	id        string // set if the account exists
	tokens
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (j *Journey) register(ctx context.Context) error {
	for _, a := range []*account{&j.author, &j.fan} {
		if err := j.registerOne(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// registerOne uses a random name and a domain without mail.
func (j *Journey) registerOne(ctx context.Context, a *account) error {
	name := "journey_" + strings.ToLower(rand.Text()[:12])
	a.email, a.password, a.attempted = name+"@journey.invalid", rand.Text(), true
	j.Gateway.Hide(a.password)
	var user struct{ ID string }
	_, err := j.Gateway.Do(ctx, gateway.Request{
		Method: http.MethodPost, Path: "/api/v1/auth/register", Status: http.StatusCreated, Into: &user,
		Body: map[string]string{"username": name, "email": a.email, "password": a.password},
	})
	a.id = user.ID
	return err
}

func (j *Journey) logIn(ctx context.Context) error {
	for _, a := range []*account{&j.author, &j.fan} {
		if err := j.logInOne(ctx, a); err != nil {
			return err
		}
		if err := j.checkMe(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journey) logInOne(ctx context.Context, a *account) error {
	return j.open(ctx, a, "/api/v1/auth/login", map[string]string{"email": a.email, "password": a.password})
}

func (j *Journey) refresh(ctx context.Context) error {
	if err := j.open(ctx, &j.author, "/api/v1/auth/refresh", map[string]string{"refresh_token": j.author.Refresh}); err != nil {
		return err
	}
	return j.checkMe(ctx, &j.author)
}

func (j *Journey) open(ctx context.Context, a *account, path string, body map[string]string) error {
	var got tokens
	request := gateway.Request{Method: http.MethodPost, Path: path, Body: body, Status: http.StatusOK, Into: &got}
	if _, err := j.Gateway.Do(ctx, request); err != nil {
		return err
	}
	j.Gateway.Hide(got.Access, got.Refresh)
	a.tokens = got
	return nil
}

func (j *Journey) checkMe(ctx context.Context, a *account) error {
	var me struct{ ID string }
	const path = "/api/v1/me"
	if _, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodGet, Path: path, Token: a.Access, Status: http.StatusOK, Into: &me}); err != nil {
		return err
	}
	if me.ID != a.id {
		return fmt.Errorf("GET %s%s: the account is %q, want %q, which was registered", j.Gateway.URL, path, me.ID, a.id)
	}
	return nil
}
