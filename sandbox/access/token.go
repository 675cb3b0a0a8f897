package access

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
)

// Claims are the members of a token's payload.
type Claims map[string]any

// Person is somebody who can sign in.
type Person struct {
	Title string // what they are, for the sign-in page
	Mail  string
}

// Staff are the people of the sandbox, one of each kind that uses the product.
func Staff() []Person {
	return []Person{
		{"Operations", "ops@brand.example"},
		{"Creative", "creative@brand.example"},
		{"Fulfillment", "fulfillment@brand.example"},
	}
}

// UserClaims are what a token says of a person who signs in now.
func (i *Issuer) UserClaims(mail string) Claims {
	now := i.now()
	return Claims{
		"aud": []string{i.audience}, "email": mail, "exp": now.Add(i.session).Unix(), "iat": now.Unix(),
		"nbf": now.Unix(), "iss": i.URL(), "type": "app", "identity_nonce": randomHex(8),
		"sub": userID(mail), "country": "US",
	}
}

// userID looks like a UUID, and is the same for a person at each start.
func userID(mail string) string {
	h := sha256.Sum256([]byte(mail))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// ServiceClaims are what a token says of a program that came with a service
// token.
func (i *Issuer) ServiceClaims(clientID string) Claims {
	now := i.now()
	return Claims{
		"type": "app", "aud": []string{i.audience}, "exp": now.Add(i.session).Unix(), "iat": now.Unix(),
		"iss": i.URL(), "common_name": clientID, "sub": "",
	}
}

// Sign returns a token with these claims, whatever they are, signed with the
// newest key. The members of header are put over the usual ones, and one that
// is nil is left out.
func (i *Issuer) Sign(c Claims, header map[string]any) string {
	return i.current().sign(c, header)
}

func (key signingKey) sign(c Claims, header map[string]any) string {
	h := map[string]any{"alg": "RS256", "kid": key.public.KeyID, "typ": "JWT"}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	signed := part(h) + "." + part(c)
	hash := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key.private, crypto.SHA256, hash[:])
	if err != nil {
		panic(fmt.Sprintf("access simulator: %v", err)) // the key is too small for any signature
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("access simulator: %v", err)) // a claim that JSON has no form for
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// Service is a service token: what a program shows instead of a person's
// sign-in.
type Service struct{ ClientID, Secret string }

// NewService makes a service token. That the last eight digits of its secret
// are a checksum is left out: how Cloudflare makes it isn't known.
func (i *Issuer) NewService() Service {
	s := Service{ClientID: randomHex(16) + ".access", Secret: "cfast_" + randomHex(24)}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.services[s.ClientID] = s.Secret
	return s
}
