package api

import (
	"net/http"
	"time"

	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
)

type user struct {
	ID        string    `json:"id"`
	Username  string    `json:"username"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"created_at"`
}

// tokens uses the field names of RFC 6749, section 5.1.
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
}

func (a *API) register(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Username string `json:"username"`
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	reply, err := a.Auth.Register(r.Context(), &authv1.RegisterRequest{Username: body.Username, Email: body.Email, Password: body.Password})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, userJSON(reply.GetUser()))
}

func (a *API) login(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	reply, err := a.Auth.Login(r.Context(), &authv1.LoginRequest{Email: body.Email, Password: body.Password})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, tokensJSON(reply.GetTokens()))
}

func (a *API) refresh(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	reply, err := a.Auth.Refresh(r.Context(), &authv1.RefreshRequest{RefreshToken: body.RefreshToken})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, tokensJSON(reply.GetTokens()))
}

func (a *API) me(w http.ResponseWriter, r *http.Request) error {
	reply, err := a.Auth.GetUser(r.Context(), &authv1.GetUserRequest{Id: userID(r.Context())})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, userJSON(reply.GetUser()))
}

func userJSON(u *authv1.User) user {
	return user{ID: u.GetId(), Username: u.GetUsername(), Email: u.GetEmail(), CreatedAt: u.GetCreatedAt().AsTime()}
}

func tokensJSON(t *authv1.Tokens) tokens {
	return tokens{
		AccessToken: t.GetAccessToken(), TokenType: "Bearer",
		ExpiresIn: int64(t.GetExpiresIn().AsDuration().Seconds()), RefreshToken: t.GetRefreshToken(),
	}
}
