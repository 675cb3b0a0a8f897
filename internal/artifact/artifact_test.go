package artifact_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// poster is a payload.
type poster struct {
	Motif  string   `json:"motif"`
	Colors []string `json:"colors,omitempty"`
}

var posters = artifact.Kind[poster]{Name: "poster", Noun: "poster", Check: func(p poster) (f api.Faults) {
	if p.Motif == "" {
		f.Add("body.motif", "is empty")
	}
	return f
}}

type content = artifact.Content[poster]

// stored is an artefact as a test's store has it.
type stored = artifact.Artifact[poster]

// store runs transactions of somebody.
type store struct {
	*testing.T
	db *pg.DB
}

func (s store) try(fn func(ctx context.Context, tx pg.Tx) error) error {
	ctx := api.WithPrincipal(s.Context(), api.Principal{Kind: "user", Name: "creative@example.com"})
	return s.db.InTx(ctx, fn)
}

func (s store) do(fn func(ctx context.Context, tx pg.Tx) error) {
	s.Helper()
	if err := s.try(fn); err != nil {
		s.Fatal(err)
	}
}

func (s store) create(identifier string, c content) (a stored) {
	s.Helper()
	s.do(func(ctx context.Context, tx pg.Tx) (err error) {
		a, err = posters.Create(ctx, tx, identifier, c)
		return err
	})
	return a
}

func seen(version string) api.IfMatch { return api.IfMatch{ETag: version} }

func TestAnArtefactIsMadeChangedAndArchived(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	made := s.create("P-1", content{Title: "Moths", Status: "open", Payload: poster{"moth", []string{"teal"}}})
	if made.Version != 1 || made.CreatedBy != "creative@example.com" || made.ID.Version() != 7 || len(made.ContentHash) != 64 {
		t.Errorf("it was made as %+v", made)
	}
	changed := made.Content
	changed.Payload.Motif = "owl"
	var before, after stored
	update := func(match string) error {
		return s.try(func(ctx context.Context, tx pg.Tx) (err error) {
			before, after, err = posters.Update(ctx, tx, made.ID, seen(match), changed)
			return err
		})
	}
	if err := update(`"7"`); !errors.Is(err, errs.Stale) {
		t.Errorf("a write over another version gave %v", err)
	}
	if err := update(`"1"`); err != nil || before.Payload.Motif != "moth" || after.Version != 2 || after.ContentHash == made.ContentHash {
		t.Errorf("the change gave %+v, %v", after, err)
	}
	if err := update(""); err != nil || after.Version != 2 {
		t.Errorf("the same change again came to version %d, %v", after.Version, err)
	}
	if got, err := posters.Find(t.Context(), s.db, "P-1"); err != nil || got.Payload.Motif != "owl" || got.ID != made.ID {
		t.Errorf("Find gave %+v, %v", got, err)
	}
	s.do(func(ctx context.Context, tx pg.Tx) error {
		_, err := posters.Archive(ctx, tx, made.ID, seen(`"2"`))
		return err
	})
	if _, err := posters.Get(t.Context(), s.db, made.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("Get of an archived one gave %v", err)
	}
	if err := update(""); !errors.Is(err, errs.NotFound) {
		t.Errorf("a change of an archived one gave %v", err)
	}
}

func TestWhatAnArtefactMustKeep(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	s.create("P-1", content{Payload: poster{Motif: "moth"}})
	gone := s.create("P-2", content{Payload: poster{Motif: "moth"}})
	s.do(func(ctx context.Context, tx pg.Tx) error {
		_, err := posters.Archive(ctx, tx, gone.ID, seen(""))
		return err
	})
	other := artifact.Kind[poster]{Name: "banner", Noun: "banner"}
	for name, c := range map[string]struct {
		kind       artifact.Kind[poster]
		identifier string
		content    content
		want       error
	}{
		"an identifier of the kind is given once":         {posters, "P-1", content{Payload: poster{Motif: "owl"}}, errs.Conflict},
		"an identifier stays with what was archived":      {posters, "P-2", content{Payload: poster{Motif: "owl"}}, errs.Conflict},
		"another kind has identifiers of its own":         {other, "P-1", content{}, nil},
		"a payload is checked":                            {posters, "P-3", content{}, errs.Invalid},
		"the hash of a file is one":                       {posters, "P-4", content{Payload: poster{Motif: "owl"}, File: &artifact.File{SHA256: "abc"}}, errs.Invalid},
		"a file's hash is that of the artefact's content": {posters, "P-5", content{Payload: poster{Motif: "owl"}, File: &artifact.File{ObjectKey: "assets/ab", MediaType: "image/png", ByteSize: 12, SHA256: strings.Repeat("ab", 32)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var a stored
			err := s.try(func(ctx context.Context, tx pg.Tx) (err error) {
				a, err = c.kind.Create(ctx, tx, c.identifier, c.content)
				return err
			})
			if !errors.Is(err, c.want) {
				t.Errorf("it gave %v, want %v", err, c.want)
			}
			if f := c.content.File; err == nil && f != nil && (a.File == nil || *a.File != *f || a.ContentHash != f.SHA256) {
				t.Errorf("its file is %+v", a.File)
			}
		})
	}
	if _, err := other.Get(t.Context(), s.db, gone.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("a kind gave another's: %v", err)
	}
}

func TestArtefactsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	for _, id := range []string{"a", "b", "c", "d"} {
		status := "open"
		if id == "b" {
			status = "closed"
		}
		a := s.create(id, content{Status: status, Payload: poster{Motif: id}})
		if id == "c" {
			s.do(func(ctx context.Context, tx pg.Tx) error {
				_, err := posters.Archive(ctx, tx, a.ID, seen(""))
				return err
			})
		}
	}
	var walked []string
	for before := uuid.Nil; ; {
		page, err := posters.List(t.Context(), s.db, artifact.Filter{}, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			walked = append(walked, a.Identifier)
			before = a.ID
		}
		if len(page) < 2 {
			break
		}
	}
	if want := []string{"d", "b", "a"}; !slices.Equal(walked, want) {
		t.Errorf("they are %v, want %v", walked, want)
	}
	closed, err := posters.List(t.Context(), s.db, artifact.Filter{Status: "closed"}, uuid.Nil, 10)
	if err != nil || len(closed) != 1 || closed[0].Identifier != "b" {
		t.Errorf("closed are %+v, %v", closed, err)
	}
}

func TestChangesOfArtefactsAreUndone(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	first := s.create("P-1", content{Title: "Moths", Payload: poster{Motif: "moth"}})
	second := first
	s.do(func(ctx context.Context, tx pg.Tx) (err error) {
		_, second, err = posters.Update(ctx, tx, first.ID, seen(""), content{Title: "Owls", Payload: poster{Motif: "owl"}})
		return err
	})
	restore := func(from, to *stored) error {
		return s.try(func(ctx context.Context, tx pg.Tx) error { return posters.Restore(ctx, tx, from, to) })
	}
	for _, step := range []struct {
		name     string
		from, to *stored
		want     error
		motif    string // "" where it is archived
	}{
		{"what was changed since is left", &first, nil, errs.Conflict, "owl"},
		{"a change is undone", &second, &first, nil, "moth"},
		{"an undo is not made twice", &second, &first, errs.Conflict, "moth"},
		{"an undo is undone", &first, &second, nil, "owl"},
		{"what was made is archived", &second, nil, nil, ""},
		{"what is archived is not archived again", &second, nil, errs.Conflict, ""},
		{"what was archived comes back", nil, &first, nil, "moth"},
	} {
		if err := restore(step.from, step.to); !errors.Is(err, step.want) {
			t.Fatalf("%s: %v, want %v", step.name, err, step.want)
		}
		now, err := posters.Get(t.Context(), s.db, first.ID)
		if now.Payload.Motif != step.motif || (err != nil) != (step.motif == "") {
			t.Errorf("%s: it is %+v, %v", step.name, now, err)
		}
	}
}
