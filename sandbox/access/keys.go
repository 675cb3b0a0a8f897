package access

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// signingKey is a key with what is published of it.
type signingKey struct {
	private *rsa.PrivateKey
	public  webKey
	cert    webCert
}

// webKey and webCert are a key as the certs endpoint shows it, twice.
type webKey struct {
	KeyID    string `json:"kid"`
	Type     string `json:"kty"`
	Alg      string `json:"alg"`
	Use      string `json:"use"`
	Exponent string `json:"e"`
	Modulus  string `json:"n"`
}

type webCert struct {
	KeyID string `json:"kid"`
	Cert  string `json:"cert"`
}

// certs is the answer of the certs endpoint.
type certs struct {
	Keys        []webKey  `json:"keys"`
	PublicCert  webCert   `json:"public_cert"`
	PublicCerts []webCert `json:"public_certs"`
}

func certsOf(keys []signingKey) certs {
	c := certs{PublicCert: keys[0].cert}
	for _, k := range keys {
		c.Keys, c.PublicCerts = append(c.Keys, k.public), append(c.PublicCerts, k.cert)
	}
	return c
}

func newKey() (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("access simulator: %w", err)
	}
	return key, nil
}

// publish works out what is published of a key. Its id is a hash, as long as
// Cloudflare's.
func publish(key *rsa.PrivateKey, now time.Time) (signingKey, error) {
	hash := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	kid := hex.EncodeToString(hash[:])
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(hash[:16]),
		Subject:      pkix.Name{CommonName: "cloudflareaccess.com"},
		NotBefore:    now,
		NotAfter:     now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return signingKey{}, fmt.Errorf("access simulator: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return signingKey{
		private: key,
		public: webKey{KeyID: kid, Type: "RSA", Alg: "RS256", Use: "sig",
			Exponent: text(big.NewInt(int64(key.E)).Bytes()), Modulus: text(key.N.Bytes())},
		cert: webCert{kid, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))},
	}, nil
}
