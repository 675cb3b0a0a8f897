package shopify

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// prepared is a file that answers bulk queries of a certain text.
type prepared struct {
	match  string
	result result
}

// Prepare answers every bulk query whose text contains match with a ready
// JSONL file, at once and without looking at the shop. Its lines are the
// objects, those without __parentId the roots.
func (s *Server) Prepare(match, file string) error {
	res, err := countRows(file)
	if err != nil {
		return fmt.Errorf("shopify simulator: prepare: %w: %w", err, errs.Invalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = append(s.prepared, prepared{match, res})
	return nil
}

// Unprepare withdraws all ready files: bulk queries are of the shop again.
func (s *Server) Unprepare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = nil
}

func (s *Server) preparedFor(query string) (prepared, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.prepared {
		if strings.Contains(query, p.match) {
			return p, true
		}
	}
	return prepared{}, false
}

func countRows(file string) (res result, err error) {
	f, err := os.Open(file)
	if err != nil {
		return res, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return res, err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 256<<20)
	for lines.Scan() {
		if res.objects++; !bytes.Contains(lines.Bytes(), []byte(`"__parentId"`)) {
			res.roots++
		}
	}
	res.file, res.size = file, info.Size()
	return res, lines.Err()
}

// signedURL is the address of a result, good for seven days.
func (s *Server) signedURL(id shop.ID, now time.Time) string {
	expires := strconv.FormatInt(now.Add(urlLife).Unix(), 10)
	return fmt.Sprintf("%s/bulk-results/%s.jsonl?Expires=%s&Signature=%s", s.filesURL, id, expires, s.sign(id.String(), expires))
}

func (s *Server) sign(id, expires string) string {
	mac := hmac.New(sha256.New, s.secret)
	io.WriteString(mac, id+"\n"+expires) //nolint:errcheck // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// download serves results at signed addresses, with Range, If-Range and ETag.
// A request that carries the Shopify token is refused: no client may send it
// to another host.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	defer s.stats.enter()()
	s.stats.add(func(c *Stats) { c.Downloads++ })
	if r.Header.Get(tokenHeader) != "" || r.Header.Get("Authorization") != "" {
		storageError(w, http.StatusBadRequest, "InvalidArgument")
		return
	}
	id, op, ok := s.signedResult(r)
	if !ok {
		storageError(w, http.StatusForbidden, "AccessDenied")
		return
	}
	fault := s.faults.download()
	if fault.Status != 0 {
		storageError(w, fault.Status, "ExpiredToken")
		return
	}
	f, err := os.Open(op.file)
	if err != nil {
		storageError(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	defer f.Close()
	etag := `"` + s.sign(id, strconv.FormatInt(op.size, 10))[:32] + `"`
	if fault.OtherETag {
		etag = `"` + strings.Repeat("0", 32) + `"`
	}
	if fault.IgnoreRange {
		r.Header.Del("Range")
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "application/jsonl")
	out := &meter{ResponseWriter: w, cut: fault.CutAfter}
	defer func() { s.stats.add(func(c *Stats) { c.DownloadedBytes += out.sent }) }()
	if fault.odd() {
		sendOddly(out, r, fault, f, op.size)
	} else {
		http.ServeContent(out, r, "", time.Time{}, f)
	}
	if out.broken && fault.Stall {
		<-r.Context().Done()
	}
	if out.broken {
		panic(http.ErrAbortHandler) // cuts the connection
	}
}

// signedResult finds the operation of a request's address, if its signature
// holds.
func (s *Server) signedResult(r *http.Request) (string, operation, bool) {
	id, _ := strings.CutPrefix(r.URL.Path, "/bulk-results/")
	id = strings.TrimSuffix(id, ".jsonl")
	expires := r.URL.Query().Get("Expires")
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !hmac.Equal([]byte(s.sign(id, expires)), []byte(r.URL.Query().Get("Signature"))) {
		return "", operation{}, false
	}
	number, err := shop.ParseID(id)
	if err != nil || s.now().Unix() > seconds || s.expire(number) {
		return "", operation{}, false
	}
	op, ok := s.operation(number)
	return id, op, ok && op.file != ""
}

// storageError answers as the storage host does: in XML.
func storageError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code></Error>", code) //nolint:errcheck // the client may have gone
}

// meter counts the bytes of a body, and breaks it after cut of them unless cut
// is 0.
type meter struct {
	http.ResponseWriter
	cut, sent int64
	broken    bool
}

var errCut = errors.New("cut by a fault")

func (m *meter) Write(b []byte) (int, error) {
	if m.cut > 0 && m.sent+int64(len(b)) > m.cut {
		b, m.broken = b[:m.cut-m.sent], true
	}
	n, err := m.ResponseWriter.Write(b)
	m.sent += int64(n)
	if m.broken {
		if flusher, ok := m.ResponseWriter.(http.Flusher); ok {
			flusher.Flush()
		}
		return n, errCut
	}
	return n, err
}

// Unwrap lets the connection be flushed.
func (m *meter) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// ReadFrom hands whole files to the connection without copying them here.
func (m *meter) ReadFrom(src io.Reader) (int64, error) {
	if m.cut > 0 {
		return io.Copy(struct{ io.Writer }{m}, src)
	}
	n, err := io.Copy(m.ResponseWriter, src)
	m.sent += n
	return n, err
}
