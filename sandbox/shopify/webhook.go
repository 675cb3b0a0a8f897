package shopify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const (
	webhookTime  = 5 * time.Second // for an answer
	webhookTries = 9               // the first and eight more
	webhookPause = 200 * time.Millisecond
)

// Subscribe has webhooks sent to an address from now on, as an app subscribes to
// them: bulk_operations/finish for each operation that comes to its end. They are
// signed with Config.Secret.
func (s *Server) Subscribe(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhooks = append(s.webhooks, url)
}

// tell sends the webhook of an operation that has ended. Of one that was stopped,
// by the app or because the simulator closes, nobody is told; that Shopify doesn't
// either is a guess.
func (s *Server) tell(op *operation) {
	s.mu.Lock()
	said := map[string]any{
		"admin_graphql_api_id": op.id.GID("BulkOperation"), "created_at": op.createdAt, "completed_at": nil,
		"error_code": nil, "status": strings.ToLower(op.status), "type": "query",
	}
	if !op.completedAt.IsZero() {
		said["completed_at"] = op.completedAt
	}
	if op.errorCode != "" {
		said["error_code"] = strings.ToLower(op.errorCode)
	}
	addresses := s.webhooks
	s.mu.Unlock()
	for _, address := range addresses {
		s.Deliver(op.ctx, address, "bulk_operations/finish", said)
	}
}

// Deliver sends a webhook until it is answered with 200, nine times at most, and
// returns the last status, 0 where there was no answer.
func (s *Server) Deliver(ctx context.Context, address, topic string, payload any) (status int) {
	body, err := json.Marshal(payload)
	if err != nil {
		return 0
	}
	id := rand.Text() // of the delivery, however often it is sent
	for try := range webhookTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return status
			case <-time.After(time.Duration(try) * webhookPause):
			}
		}
		if status = s.post(ctx, address, topic, id, body); status == http.StatusOK {
			break
		}
	}
	return status
}

func (s *Server) post(ctx context.Context, address, topic, id string, body []byte) (status int) {
	ctx, cancel := context.WithTimeout(ctx, webhookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	mac := hmac.New(sha256.New, []byte(s.config.Secret))
	mac.Write(body) //nolint:errcheck // a hash never fails
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-Shopify-Hmac-SHA256": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": s.info.Domain, "X-Shopify-Webhook-Id": id,
		"X-Shopify-Event-Id": "event " + id, "X-Shopify-Triggered-At": s.now().Format(time.RFC3339Nano),
	} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	answer.Body.Close() //nolint:errcheck // nothing is read
	return answer.StatusCode
}
