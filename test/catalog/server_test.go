package catalog

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// extra returns the path of what `make extra` gets, or of what a variable names
// instead. A test that needs it is skipped where it isn't there.
func extra(t *testing.T, name, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path = filepath.Join("..", "..", "bin", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: run make extra, or let %s name one (%v)", name, variable, err)
	}
	return path
}

// The keys of the object store, which clients take from the environment.
const (
	accessKey = "macrodata"
	secretKey = "macrodata-secret"
)

// store is an S3-compatible server with an empty bucket.
type store struct {
	url    string
	folder string // that has its buckets
}

func newStore(t *testing.T) store {
	t.Helper()
	program := extra(t, "versitygw", "VERSITYGW")
	s := store{folder: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.folder, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	s.url = "http://" + address
	serve(t, s.url, exec.Command(program, "--port", address, "--quiet", "posix", "--sidecar", t.TempDir(), s.folder),
		"ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	return s
}

// newCatalog starts the Iceberg project's own REST catalog, which knows no
// tokens, and returns its address. Settings are those of its catalog.
func newCatalog(t *testing.T, settings ...string) string {
	t.Helper()
	program := extra(t, "iceberg-open-api.jar", "ICEBERG_REST_JAR")
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skipf("no Java: run make extra (%v)", err)
	}
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	settings = append(settings, "CATALOG_REST_PORT="+port,
		"CATALOG_URI=jdbc:sqlite:"+filepath.Join(t.TempDir(), "catalog.db")+"?busy_timeout=20000")
	serve(t, "http://"+address+"/v1/config", exec.Command(java, "-Xmx256m", "-jar", program), settings...)
	return "http://" + address
}

// serve runs a server until the test's end, and returns when it answers. What it
// says is shown where the test fails.
func serve(t *testing.T, address string, server *exec.Cmd, settings ...string) {
	t.Helper()
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	server.Env = append(os.Environ(), settings...)
	server.Stdout, server.Stderr = said, said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		server.Wait() //nolint:errcheck // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		server.Process.Kill() //nolint:errcheck // it may have ended by itself
		<-ended
		said.Close() //nolint:errcheck // it was written by another
		if text, err := os.ReadFile(said.Name()); t.Failed() && err == nil {
			t.Logf("%s said:\n%.8000s", filepath.Base(server.Path), text)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := http.Get(address)
		if err == nil {
			answer.Body.Close() //nolint:errcheck // whatever it says, it is there
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatal("the server ended at once")
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it only served to find a port
	return l.Addr().String()
}

// site is a place where a lakehouse can be kept.
type site struct {
	warehouse string
	catalog   string                   // address of a REST catalog; "" is the database
	folder    func(path string) string // where a data file really is
}

// The sites, each with servers of its own.

func bucketAndDatabase(t *testing.T) site {
	s := newStore(t)
	return site{warehouse: s.warehouse(), folder: s.file}
}

func folderAndREST(t *testing.T) site {
	folder := (&url.URL{Scheme: "file", Path: t.TempDir()}).String()
	return site{folder, newCatalog(t, "CATALOG_WAREHOUSE="+folder), func(path string) string { return path }}
}

func bucketAndREST(t *testing.T) site {
	s := newStore(t)
	return site{s.warehouse(), newCatalog(t,
		"CATALOG_WAREHOUSE=s3://bucket/lake", "CATALOG_IO__IMPL=org.apache.iceberg.aws.s3.S3FileIO",
		"CATALOG_S3_ENDPOINT="+s.url, "CATALOG_S3_PATH__STYLE__ACCESS=true", "AWS_REGION=us-east-1"), s.file}
}

func (s store) warehouse() string { return "s3://bucket/lake?region=us-east-1&endpoint=" + s.url }

func (s store) file(path string) string {
	return filepath.Join(s.folder, strings.TrimPrefix(path, "s3://"))
}
