package shopify

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Shopify's search syntax: terms such as updated_at:>='2026-11-22T00:00:00Z'
// joined by AND (or nothing), OR, NOT and parentheses. A field that is not
// known is ignored, so that everything matches, and only a warning tells.

// warning is what extensions.search says of a term.
type warning struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// matcher reports whether an object matches a search.
type matcher[T any] func(*T) bool

// condition is one term of a search.
type condition struct {
	field  string
	op     string // ">=", "<=", ">", "<" or "" for equality
	value  string
	quoted bool
}

// searchFields builds the matcher of a condition for each field that is known.
type searchFields[T any] map[string]func(condition) (matcher[T], error)

// parseSearch compiles a query. zone is the shop's, for dates without a time.
func parseSearch[T any](query string, known searchFields[T]) (matcher[T], []warning, error) {
	p := searchParser[T]{tokens: searchTokens(query), known: known}
	if len(p.tokens) == 0 {
		return all[T], nil, nil
	}
	m, err := p.disjunction()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %q in the search query", p.tokens[0].text)
	}
	return m, p.warnings, err
}

func all[T any](*T) bool { return true }

type token struct {
	text   string // without quotes
	quoted bool   // some part of it was in quotes, so it is no operator
}

// searchTokens splits at white space outside of quotes, and at parentheses.
func searchTokens(query string) []token {
	var tokens []token
	var current strings.Builder
	quoted, open := false, byte(0)
	flush := func() {
		if current.Len() > 0 || quoted {
			tokens = append(tokens, token{current.String(), quoted})
		}
		current.Reset()
		quoted = false
	}
	for i := 0; i < len(query); i++ {
		c := query[i]
		switch {
		case open != 0 && c == open:
			open = 0
		case open != 0:
			current.WriteByte(c)
		case c == '\'' || c == '"':
			open, quoted = c, true
		case c == ' ' || c == '\t' || c == '\n':
			flush()
		case c == '(' || c == ')':
			flush()
			tokens = append(tokens, token{text: string(c)})
		default:
			current.WriteByte(c)
		}
	}
	flush()
	return tokens
}

type searchParser[T any] struct {
	tokens   []token
	known    searchFields[T]
	warnings []warning
}

// next takes the next token if it is the operator given.
func (p *searchParser[T]) next(operator string) bool {
	if len(p.tokens) == 0 || p.tokens[0].quoted || p.tokens[0].text != operator {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *searchParser[T]) disjunction() (matcher[T], error) {
	m, err := p.conjunction()
	for err == nil && p.next("OR") {
		var right matcher[T]
		left := m
		right, err = p.conjunction()
		m = func(v *T) bool { return left(v) || right(v) }
	}
	return m, err
}

func (p *searchParser[T]) conjunction() (matcher[T], error) {
	m, err := p.term()
	for err == nil && len(p.tokens) > 0 {
		if t := p.tokens[0]; !t.quoted && (t.text == "OR" || t.text == ")") {
			break
		}
		p.next("AND")
		var right matcher[T]
		left := m
		right, err = p.term()
		m = func(v *T) bool { return left(v) && right(v) }
	}
	return m, err
}

func (p *searchParser[T]) term() (matcher[T], error) {
	if p.next("(") {
		m, err := p.disjunction()
		if err == nil && !p.next(")") {
			err = errors.New("the search query lacks a closing parenthesis")
		}
		return m, err
	}
	negated := p.next("NOT")
	if len(p.tokens) == 0 {
		return nil, errors.New("the search query ends too early")
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	if rest, ok := strings.CutPrefix(t.text, "-"); ok {
		negated, t.text = !negated, rest
	}
	m, err := p.condition(t)
	if err != nil || !negated {
		return m, err
	}
	return func(v *T) bool { return !m(v) }, nil
}

func (p *searchParser[T]) condition(t token) (matcher[T], error) {
	name, value, ok := strings.Cut(t.text, ":")
	if !ok {
		name, value = "default", t.text
	}
	c := condition{field: name, value: value, quoted: t.quoted}
	for _, op := range []string{">=", "<=", ">", "<"} {
		if rest, ok := strings.CutPrefix(value, op); ok {
			c.op, c.value = op, rest
			break
		}
	}
	build, ok := p.known[name]
	if !ok {
		p.warnings = append(p.warnings, warning{name, "invalid_field", "Invalid search field for this query."})
		return all[T], nil
	}
	m, err := build(c)
	var invalid invalidValue
	if errors.As(err, &invalid) {
		p.warnings = append(p.warnings, warning{name, "invalid_value", string(invalid)})
		return func(*T) bool { return false }, nil
	}
	return m, err
}

// invalidValue is an error that leads to a warning and no results.
type invalidValue string

func (e invalidValue) Error() string { return string(e) }

// byTime compares instants. Without quotes the value ends at its first colon,
// so that the time of day is lost.
func byTime[T any](zone *time.Location, get func(*T) time.Time) func(condition) (matcher[T], error) {
	return func(c condition) (matcher[T], error) {
		value := c.value
		if !c.quoted && strings.Contains(value, ":") {
			value, _, _ = strings.Cut(value, "T")
		}
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			at, err = time.ParseInLocation(time.DateOnly, value, zone)
		}
		if err != nil {
			return nil, fmt.Errorf("invalid timestamp for query filter `%s`", c.field)
		}
		return func(v *T) bool {
			t := get(v)
			return !t.IsZero() && c.holds(t.Truncate(time.Second).Compare(at))
		}, nil
	}
}

// byNumber compares ids.
func byNumber[T any](get func(*T) int64) func(condition) (matcher[T], error) {
	return func(c condition) (matcher[T], error) {
		n, err := parseDigits(c.value)
		if err != nil {
			return nil, invalidValue(fmt.Sprintf("Input `%s` is not an accepted value.", c.value))
		}
		return func(v *T) bool {
			switch m := get(v); {
			case m < n:
				return c.holds(-1)
			case m > n:
				return c.holds(1)
			}
			return c.holds(0)
		}, nil
	}
}

// byWord matches one of the object's words without regard to case.
func byWord[T any](get func(*T) []string) func(condition) (matcher[T], error) {
	return func(c condition) (matcher[T], error) {
		return func(v *T) bool {
			for _, word := range get(v) {
				if strings.EqualFold(word, c.value) {
					return true
				}
			}
			return false
		}, nil
	}
}

// oneOf is byWord for a field with a closed set of lower-case values.
func oneOf[T any](values []string, get func(*T) string) func(condition) (matcher[T], error) {
	return func(c condition) (matcher[T], error) {
		for _, value := range values {
			if c.value == value {
				return func(v *T) bool { return strings.ToLower(get(v)) == value }, nil
			}
		}
		return nil, invalidValue(fmt.Sprintf("Input `%s` is not an accepted value.", c.value))
	}
}

// holds applies the operator to the outcome of a comparison with the value.
func (c condition) holds(comparison int) bool {
	switch c.op {
	case ">=":
		return comparison >= 0
	case "<=":
		return comparison <= 0
	case ">":
		return comparison > 0
	case "<":
		return comparison < 0
	}
	return comparison == 0
}
