package rejection

import "testing"

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		message string
		want    Kind
		ok      bool
	}{
		{`pods "web-1" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0`, Quota, true},
		{`pods "web-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`, PodSecurity, true},
		{`Internal error occurred: failed calling webhook "check.example.com": connect: connection refused`, WebhookAway, true},
		{`admission webhook "check.example.com" denied the request: no owner label`, WebhookDenied, true},
		{`pods "web-1" is forbidden: error looking up service account shop/nobody: serviceaccount "nobody" not found`, NoServiceAccount, true},
		{`pods "web-1" is forbidden: unable to create new content`, Other, true},
		{`etcdserver: request timed out`, "", false},
	}
	for _, test := range tests {
		t.Run(string(test.want), func(t *testing.T) {
			t.Parallel()
			got, ok := Classify(test.message)
			if got.Kind != test.want || ok != test.ok {
				t.Errorf("got %q, %t; want %q, %t", got.Kind, ok, test.want, test.ok)
			}
		})
	}
}

func TestIsDefaultAccount(t *testing.T) {
	t.Parallel()
	const message = `pods "web-1" is forbidden: error looking up service account shop/NAME: serviceaccount "NAME" not found`
	if !IsDefaultAccount(`error looking up service account shop/default: serviceaccount "default" not found`) || IsDefaultAccount(message) {
		t.Error("got another account than default")
	}
}
