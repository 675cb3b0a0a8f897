// Package artifact keeps artefacts of work: specifications, reports, templates,
// files. There is one table for all kinds, and a [Kind] is a value that knows
// the type of its payloads and what they must keep.
//
// All writes happen in the caller's transaction, who records the change with
// [Kind.Record] and offers its undo with [Kind.Restore].
package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Kind is a kind of artefacts whose payloads are of type P, a struct with names
// in JSON.
type Kind[P any] struct {
	Name string // in the table, such as "classification_spec"
	Noun string // in errors, such as "classification spec"

	// Check lists all that is wrong with a payload. It is pure. Nil for a kind
	// whose type says all.
	Check func(P) api.Faults
}

// Content is what can be changed of an artefact.
type Content[P any] struct {
	Title   string `json:"title"`
	Status  string `json:"status"`
	Payload P      `json:"payload"`
	File    *File  `json:"file,omitempty"`
}

// File is what an artefact has in object storage.
type File struct {
	ObjectKey string `json:"objectKey"`
	MediaType string `json:"mediaType"`
	ByteSize  int64  `json:"byteSize"`
	SourceURL string `json:"sourceUrl,omitempty"` // where it came from
	SHA256    string `json:"sha256"`              // in hex
}

// Artifact is an artefact as it is stored.
type Artifact[P any] struct {
	api.Versioned
	ID         uuid.UUID `json:"artifactId"`
	Identifier string    `json:"identifier"` // unique among all of its kind, archived ones too; never changes
	Content[P]
	ContentHash string     `json:"contentHash"` // sha256 in hex: of the file, or else of the payload's JSON
	CreatedBy   string     `json:"createdBy"`
	CreatedAt   time.Time  `json:"createdAt"`
	UpdatedBy   string     `json:"updatedBy"`
	UpdatedAt   time.Time  `json:"updatedAt"`
	ArchivedAt  *time.Time `json:"archivedAt,omitempty"`
}

// packed is content as its columns hold it.
type packed struct {
	payload             json.RawMessage
	hash                []byte
	key, media, address *string
	size                *int64
}

// pack checks content and brings it into columns.
func (k Kind[P]) pack(c Content[P]) (p packed, err error) {
	if k.Check != nil {
		if err := k.Check(c.Payload).Err(); err != nil {
			return p, err
		}
	}
	if p.payload, err = json.Marshal(c.Payload); err != nil {
		return p, err
	}
	if c.File == nil {
		sum := sha256.Sum256(p.payload)
		p.hash = sum[:]
		return p, nil
	}
	if p.hash, err = hex.DecodeString(c.File.SHA256); err != nil || len(p.hash) != sha256.Size {
		return p, fmt.Errorf("the file's hash is no sha256 in hex: %w", errs.Invalid)
	}
	p.key, p.media, p.size = &c.File.ObjectKey, &c.File.MediaType, &c.File.ByteSize
	if c.File.SourceURL != "" {
		p.address = &c.File.SourceURL
	}
	return p, nil
}

// unpack reads a row.
func (k Kind[P]) unpack(r pgdb.MacrodataArtifact) (a Artifact[P], err error) {
	a = Artifact[P]{
		Versioned: api.Versioned{Version: r.Version}, ID: r.ArtifactID, Identifier: r.Identifier,
		Content: Content[P]{Title: r.Title, Status: r.Status}, ContentHash: hex.EncodeToString(r.ContentHash),
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, UpdatedBy: r.UpdatedBy, UpdatedAt: r.UpdatedAt, ArchivedAt: r.ArchivedAt,
	}
	if r.ObjectKey != nil {
		a.File = &File{ObjectKey: *r.ObjectKey, MediaType: value(r.MediaType), SourceURL: value(r.SourceUrl), SHA256: a.ContentHash}
		if r.ByteSize != nil {
			a.File.ByteSize = *r.ByteSize
		}
	}
	if err := json.Unmarshal(r.Payload, &a.Payload); err != nil {
		return a, fmt.Errorf("the payload of %s %s: %w: %w", k.Noun, r.Identifier, err, errs.Corrupt)
	}
	return a, nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
