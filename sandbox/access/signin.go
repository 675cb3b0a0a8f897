package access

import (
	"crypto/subtle"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

const loginPath = "/cdn-cgi/access/login"

// sessionOf returns the session of a request: that of its service token, if it
// has one, or else of its cookie.
func (e *Edge) sessionOf(r *http.Request) (session, bool) {
	if isService(r) {
		id := r.Header.Get(idHeader)
		e.issuer.mu.Lock()
		secret, ok := e.issuer.services[id]
		e.issuer.mu.Unlock()
		if !ok || subtle.ConstantTimeCompare([]byte(secret), []byte(r.Header.Get(secretHeader))) != 1 {
			return session{}, false
		}
		return session{token: e.issuer.Sign(e.issuer.ServiceClaims(id), nil)}, true
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return session{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.sessions[c.Value]
	return s, ok && e.good(s)
}

func isService(r *http.Request) bool {
	return r.Header.Get(idHeader) != "" || r.Header.Get(secretHeader) != ""
}

// good says whether a session's token will pass: it isn't over, and its key is
// still published.
func (e *Edge) good(s session) bool {
	return e.issuer.now().Before(s.expires) && e.issuer.publishes(s.kid)
}

// signIn returns the session of a person, a new one if there is none that is
// good. Sessions that aren't are forgotten.
func (e *Edge) signIn(mail string) session {
	e.mu.Lock()
	defer e.mu.Unlock()
	for token, s := range e.sessions {
		if !e.good(s) {
			delete(e.sessions, token)
		} else if s.mail == mail {
			return s
		}
	}
	key := e.issuer.current()
	s := session{mail: mail, kid: key.public.KeyID, expires: e.issuer.now().Add(e.issuer.session)}
	s.token = key.sign(e.issuer.UserClaims(mail), nil)
	e.sessions[s.token] = s
	return s
}

func cookie(token string) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func isStaff(mail string) bool {
	return slices.ContainsFunc(Staff(), func(p Person) bool { return p.Mail == mail })
}

// accessPages are the pages that Access itself has on the application's host.
func (e *Edge) accessPages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+loginPath, e.showLogin)
	mux.HandleFunc("POST "+loginPath, e.login)
	mux.HandleFunc("GET /cdn-cgi/access/logout", func(w http.ResponseWriter, r *http.Request) {
		over := cookie("")
		over.MaxAge = -1
		http.SetCookie(w, over)
		http.Redirect(w, r, loginPath, http.StatusFound)
	})
	mux.HandleFunc("GET /cdn-cgi/access/get-identity", e.identity)
	return mux
}

// login signs in whom the page's button names.
func (e *Edge) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	mail := r.PostFormValue("email")
	if !isStaff(mail) {
		http.Error(w, "Nobody of the staff has this address.", http.StatusForbidden)
		return
	}
	http.SetCookie(w, cookie(e.signIn(mail).token))
	http.Redirect(w, r, local(r.PostFormValue("redirect_url")), http.StatusSeeOther)
}

// local returns the path to go to after signing in, which is on this host.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\t\r\n") {
		return "/"
	}
	return path
}

// identity answers what Access knows of who is signed in. Groups are made up
// from the person's title.
func (e *Edge) identity(w http.ResponseWriter, r *http.Request) {
	s, ok := e.sessionOf(r)
	if !ok || s.mail == "" {
		http.Error(w, "You are not signed in.", http.StatusUnauthorized)
		return
	}
	title := ""
	for _, p := range Staff() {
		if p.Mail == s.mail {
			title = p.Title
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"email": s.mail, "name": title, "user_uuid": userID(s.mail), "groups": []string{title},
	}) // a client that went away needs no answer
}

func (e *Edge) showLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = loginPage.Execute(w, struct {
		Staff []Person
		To    string
	}{Staff(), local(r.URL.Query().Get("redirect_url"))})
}

var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in to the sandbox</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 24rem; margin: 15vh auto; padding: 0 1rem }
  button { display: block; width: 100%; margin: .5rem 0; padding: .75rem 1rem; font: inherit; text-align: left; cursor: pointer }
  small { display: block }
</style>
<main>
  <h1>Sign in</h1>
  <p>This stands where Cloudflare Access stands in production. Choose who you are.</p>
  <form method="post">
    <input type="hidden" name="redirect_url" value="{{.To}}">
    {{range .Staff}}<button name="email" value="{{.Mail}}">{{.Title}}<small>{{.Mail}}</small></button>
    {{end}}
  </form>
</main>
</html>
`))
