// Package web is what people open in a browser: one page that lists runs, and
// one that shows a run, made of a document, a script and a style sheet. They
// know nothing but the API, which the script asks; nothing is loaded from
// elsewhere, and nothing inline runs.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// policy lets pages load what comes from here and run what is in files of ours;
// no other site may frame them.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is what is sent for a path.
type file struct {
	body      []byte
	mediaType string
	tag       string // of this content and no other
}

// Handler serves the pages and their files. It expects whoever checks tokens to
// stand before it. What it doesn't have is answered with a page that says so.
func Handler() http.Handler {
	page, lost, assets := load()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page.serve)
	mux.HandleFunc("GET /runs/{runId}", page.serve)
	mux.HandleFunc("GET /assets/{name}", func(w http.ResponseWriter, r *http.Request) {
		f, ok := assets[r.PathValue("name")]
		if !ok {
			lost.send(w, http.StatusNotFound)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		f.serve(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			lost.send(w, http.StatusMethodNotAllowed)
			return
		}
		lost.send(w, http.StatusNotFound)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "private, no-cache")
		mux.ServeHTTP(w, r)
	})
}

// load reads the files. Scripts and styles are named by their content, and the
// pages name them so.
func load() (page, lost *file, assets map[string]*file) {
	assets = map[string]*file{}
	var names []string // as pages have them, each followed by what they get
	for _, name := range []string{"app.js", "app.css", "icon.svg"} {
		f := newFile(name)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + f.tag + ext
		assets[hashed] = f
		names = append(names, "/assets/"+name, "/assets/"+hashed)
	}
	replace := strings.NewReplacer(names...)
	return newFile("index.html").with(replace), newFile("lost.html").with(replace), assets
}

var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

func newFile(name string) *file {
	body, err := static.ReadFile("static/" + name)
	if err != nil {
		panic(err) // the folder is embedded
	}
	return tagged(body, mediaTypes[path.Ext(name)])
}

func tagged(body []byte, mediaType string) *file {
	sum := sha256.Sum256(body)
	return &file{body, mediaType, hex.EncodeToString(sum[:8])}
}

func (f *file) with(r *strings.Replacer) *file {
	return tagged([]byte(r.Replace(string(f.body))), f.mediaType)
}

// serve sends the file, unless the browser has it.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"`+f.tag+`"`)
	if r.Header.Get("If-None-Match") == `"`+f.tag+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	f.send(w, http.StatusOK)
}

// send sends the file with a status.
func (f *file) send(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", f.mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(f.body) // a client that went away
}
