package ami

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits that Asterisk sets on an action (main/manager.c).
const (
	maxActionHeaders = 128  // AST_MAX_MANHEADERS
	maxActionLine    = 1022 // bytes; with CRLF it just fits into mansession_session.inbuf
)

// ErrInvalidAction says that an action cannot be sent. Nothing of it was.
var ErrInvalidAction = errors.New("invalid AMI action")

// Action is a request to Asterisk. The zero Action is invalid: begin with NewAction.
// Actions are values: With leaves its receiver as it was, so that one action can be
// the beginning of several.
type Action struct {
	headers []header
}

type header struct{ name, value string }

// NewAction returns the action of that name, such as "Originate".
func NewAction(name string) Action {
	return Action{}.With("Action", name)
}

// With returns the action with one more header at its end. Headers may repeat.
func (a Action) With(name, value string) Action {
	return Action{append(slices.Clip(a.headers), header{name, value})}
}

// WithVariable returns the action with a header that sets a channel variable, as
// Originate takes them. Asterisk reads that header as a list: WithVariable escapes
// value so that it can neither end nor set anything else. The name is taken as it is
// and may begin with the underscores of inheritance; it must not come from outside.
func (a Action) WithVariable(name, value string) Action {
	return a.With("Variable", name+"="+variableEscaper().Replace(value))
}

// variableEscaper escapes what __ast_app_separate_args (main/app.c) gives a meaning.
func variableEscaper() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `"`, `\"`, `(`, `\(`, `)`, `\)`, `[`, `\[`, `]`, `\]`)
}

// String returns the action's name, and never a value: one may be a secret.
func (a Action) String() string {
	if len(a.headers) == 0 {
		return ""
	}
	return a.headers[0].value
}

// Append appends the action to dst as it goes over the wire. It refuses with
// ErrInvalidAction what would be read as something else than was meant: CR, LF or NUL
// anywhere, a colon in a name, and more or longer lines than Asterisk takes. The error
// names the header and tells no value; dst is then returned as it was.
func (a Action) Append(dst []byte) ([]byte, error) {
	switch n := len(a.headers); {
	case a.String() == "":
		return dst, fmt.Errorf("%w: no name", ErrInvalidAction)
	case n > maxActionHeaders:
		return dst, fmt.Errorf("%w: %d headers, Asterisk takes %d", ErrInvalidAction, n, maxActionHeaders)
	}
	out := dst
	for _, h := range a.headers {
		if err := h.check(); err != nil {
			return dst, err
		}
		out = append(out, h.name...)
		out = append(out, ": "...)
		out = append(out, h.value...)
		out = append(out, "\r\n"...)
	}
	return append(out, "\r\n"...), nil
}

func (h header) check() error {
	switch n := len(h.name) + len(": ") + len(h.value); {
	case h.name == "":
		return fmt.Errorf("%w: a header without a name", ErrInvalidAction)
	case strings.ContainsAny(h.name, ":\r\n\x00"):
		return fmt.Errorf("%w: colon, CR, LF or NUL in the header name %q", ErrInvalidAction, h.name)
	case strings.ContainsAny(h.value, "\r\n\x00"):
		return fmt.Errorf("%w: CR, LF or NUL in the value of %s", ErrInvalidAction, h.name)
	case n > maxActionLine:
		return fmt.Errorf("%w: header %s has %d bytes, Asterisk takes %d", ErrInvalidAction, h.name, n, maxActionLine)
	}
	return nil
}
