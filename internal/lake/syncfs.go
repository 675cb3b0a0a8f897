package lake

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	icebergio "github.com/apache/iceberg-go/io"
)

// syncFS writes the files of a warehouse in a folder so that they are on the
// disk, with the folders that name them, before anything refers to them. The
// library's own file system leaves that to chance: after a power cut the
// catalog could point at an empty file, and the whole table would be lost.
type syncFS struct{ icebergio.LocalFS }

// syncLocalFiles makes syncFS the file system of all file warehouses. The
// library finds file systems by scheme in a table of the process, which is why
// this can't belong to one Lake.
var syncLocalFiles = sync.OnceFunc(func() {
	factory := func(context.Context, *url.URL, map[string]string) (icebergio.IO, error) { return syncFS{}, nil }
	for _, scheme := range []string{"file", ""} {
		icebergio.Unregister(scheme)
		icebergio.Register(scheme, factory)
	}
})

// localPath turns a location of a file warehouse into a path.
func localPath(location string) string {
	if u, err := url.Parse(location); err == nil && u.Scheme == "file" {
		return u.Path
	}
	return location
}

// Create makes a file whose Close returns when it is on the disk.
func (syncFS) Create(name string) (icebergio.FileWriter, error) {
	path := localPath(name)
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &syncFile{f: f}, nil
}

// WriteFile writes a file and returns when it is on the disk.
func (s syncFS) WriteFile(name string, content []byte) error {
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

type syncFile struct{ f *os.File }

func (s *syncFile) Write(b []byte) (int, error)               { return s.f.Write(b) }
func (s *syncFile) ReadFrom(r io.Reader) (n int64, err error) { return s.f.ReadFrom(r) }

func (s *syncFile) Close() error {
	if err := s.f.Sync(); err != nil {
		return errors.Join(err, s.f.Close())
	}
	if err := s.f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.f.Name()))
}

// makeDirs makes a folder and those above it that are missing, each on the disk
// with its name.
func makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
