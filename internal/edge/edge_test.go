package edge_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/edge"
	"github.com/clavija/clavija/internal/exchange"
	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/store"
	"github.com/clavija/clavija/internal/switchboard"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/internal/websocket"
	"github.com/clavija/clavija/protocol"
)

const password = "correct horse battery"

// office is a server with one account on one PBX, which the test plays: extensions 101 and 102, the supervisor eva, the agents ana
// (101) and bob (102).
type office struct {
	*edge.Server
	t       *testing.T
	http    *httptest.Server
	store   *store.Store
	board   *switchboard.Switchboard
	desk    *desk
	log     *logged
	ended   sync.WaitGroup
	setting edge.Settings
}

// desk takes the commands that get through, and answers as it is told.
type desk struct {
	mu       sync.Mutex
	commands []pbx.Command
	answer   error
}

func (d *desk) Do(cmd pbx.Command, done func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = append(d.commands, cmd)
	done(d.answer)
}

func (d *desk) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (d *desk) answers(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = err
}

func (d *desk) got() []pbx.Command {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commands
}

// usual are the settings of a test that is about something else.
func usual() edge.Settings {
	return edge.Settings{
		ServerName: "pbx1", MaxMessage: 4096, PingInterval: time.Minute, AuthTimeout: time.Minute, MaxConnections: 100,
	}
}

func newOffice(t *testing.T, settings edge.Settings) *office {
	t.Helper()
	o := &office{t: t, desk: &desk{}, log: &logged{}}
	users, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o.store = users
	cheap := auth.Cost{Memory: 64, Time: 1, Threads: 1}
	gate, err := auth.New(auth.Config{Users: users, Cost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := auth.HashPassword(password, cheap)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []auth.User{
		{Name: "eva", Kind: auth.Supervisor, Account: "default"},
		{Name: "ana", Kind: auth.Agent, Account: "default", PBX: "pbx1", Extension: "101"},
		{Name: "bob", Kind: auth.Agent, Account: "default", PBX: "pbx1", Extension: "102"},
		{Name: "max", Kind: auth.Supervisor, Account: "gone"},
		{Name: "zoe", Kind: auth.Agent, Account: "default", PBX: "pbx9", Extension: "103"},
	} {
		u.PasswordHash = hash
		if _, err := users.AddUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	x, err := exchange.New(exchange.Config{
		PBXs: []exchange.PBX{{Name: "pbx1", NewDriver: func(func([]pbx.Event)) (exchange.Driver, error) { return o.desk, nil }}},
		Accounts: []exchange.Account{{
			Name: "default", PBXs: []string{"pbx1"}, Has: func(string, pbx.ExtensionID) bool { return true },
		}},
		Frame: websocket.AppendText,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.board = x.Board("default")
	settings.Exchange = x
	o.setting = settings
	if o.Server, err = edge.New(edge.Config{Auth: gate, Settings: settings, Log: o.log.logger()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, run := range []func(context.Context) error{x.Run, gate.Run} {
		o.ended.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	o.http = httptest.NewServer(o.Handler())
	t.Cleanup(func() {
		bye, end := context.WithTimeout(context.Background(), 5*time.Second)
		defer end()
		if err := o.Shutdown(bye); err != nil {
			t.Error(err)
		}
		o.http.Close()
		cancel()
		o.ended.Wait()
		if err := users.Close(); err != nil {
			t.Error(err)
		}
	})
	o.says(pbx.Event{Kind: pbx.Synchronized, Snapshot: &pbx.Snapshot{
		Extensions: []pbx.Extension{
			{ID: id("101"), Hint: "PJSIP/101", Status: pbx.InUse}, {ID: id("102"), Hint: "PJSIP/102", Status: pbx.Idle},
		},
		Calls: []pbx.Call{{ID: "1.1", Extension: id("101"), PhoneA: "102", PhoneB: "101", State: pbx.StateUp}},
	}})
	return o
}

func id(number string) pbx.ExtensionID {
	return pbx.ExtensionID{Context: "from-internal", Number: number}
}

// says has the PBX say something.
func (o *office) says(events ...pbx.Event) {
	o.t.Helper()
	o.board.Publish("pbx1", events)
	if err := o.board.Settle(); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) url(path string) string { return "ws" + strings.TrimPrefix(o.http.URL, "http") + path }

func (o *office) login(path, user string) *watch.Client {
	o.t.Helper()
	c := watch.Dial(o.t, o.url(path))
	c.Login(user, password)
	return c
}

func TestLogin(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	for _, tt := range []struct {
		path, user, password string
		want                 protocol.Message
	}{
		{"/ws", "eva", password, protocol.AuthOK{Server: "pbx1", Agent: "eva"}},
		{"/agent", "ana", password, protocol.AuthOK{Server: "pbx1", Extension: "101", Agent: "ana"}},
		{"/ws", "eva", "wrong", protocol.AuthForbidden{Server: "pbx1", Error: "invalid credentials"}},
		{"/ws", "nobody", password, protocol.AuthForbidden{Server: "pbx1", Error: "invalid credentials"}},
		{"/ws", "ana", password, protocol.AuthForbidden{Server: "pbx1", Error: "invalid credentials"}},
		{"/agent", "eva", password, protocol.AuthForbidden{Server: "pbx1", Error: "invalid credentials"}},
		{"/ws", "max", password, protocol.AuthForbidden{Server: "pbx1", Error: "the account gone is not configured on this server"}},
		{"/agent", "zoe", password, protocol.AuthForbidden{
			Server: "pbx1", Error: "the PBX pbx9 of this agent is not one of the account default",
		}},
	} {
		t.Run(tt.path+" "+tt.user, func(t *testing.T) {
			t.Parallel()
			c := watch.Dial(t, o.url(tt.path))
			got := c.TryLogin(tt.user, tt.password)
			if ok, is := got.(protocol.AuthOK); is {
				if len(ok.Token) < 20 {
					t.Errorf("token %q is no secret", ok.Token)
				}
				ok.Token = ""
				got = ok
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInitFollowsTheLogin(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	busy := protocol.Extension{Extension: "101", Hint: "PJSIP/101", Status: "InUse", Calls: []protocol.Call{{
		Monitored: true, CallID: "1.1", CallDirection: "inbound", PhoneA: "102", PhoneB: "101", Status: "6", StatusDesc: "Up",
	}}}
	idle := protocol.Extension{Extension: "102", Hint: "PJSIP/102", Status: "Idle"}
	for _, tt := range []struct {
		path, user string
		want       []protocol.Extension
	}{
		{"/ws", "eva", []protocol.Extension{busy, idle}},
		{"/agent", "ana", []protocol.Extension{busy}},
		{"/agent", "bob", []protocol.Extension{idle}},
	} {
		c := o.login(tt.path, tt.user)
		all := c.Messages()
		if diff := cmp.Diff(protocol.Message(protocol.Init{Server: "pbx1", Data: tt.want}), all[len(all)-1]); diff != "" {
			t.Errorf("%s: %s", tt.user, diff)
		}
	}
}

func TestWrongCredentialsMayBeMended(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := watch.Dial(t, o.url("/ws"))
	c.TryLogin("eva", "wrong")
	c.Login("eva", password)
}

func TestTooManyWrongCredentialsCloseTheConnection(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := watch.Dial(t, o.url("/ws"), watch.WithTimeout(30*time.Second))
	for range 5 {
		c.TryLogin("eva", "wrong")
	}
	if code, reason := c.AwaitClose(); code != protocol.ClosePolicyViolation {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestWhatIsWrongIsAnsweredAndLosesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	for _, tt := range []struct {
		name, user, send string
		code             protocol.ErrorCode
		action           string
	}{
		{"no JSON", "ana", `hello`, protocol.CodeBadJSON, ""},
		{"no type", "ana", `{}`, protocol.CodeBadMessage, ""},
		{"unknown type", "ana", `{"type":"dance"}`, protocol.CodeUnknownType, ""},
		{"unknown action", "ana", `{"type":"action","action":"dance"}`, protocol.CodeUnknownAction, "dance"},
		{"missing key", "ana", `{"type":"action","action":"call"}`, protocol.CodeBadMessage, "call"},
		{"a number that is none", "ana", `{"type":"action","action":"call","phone":"1,2"}`, protocol.CodeInvalidPhone, "call"},
		{"not logged in", "", `{"type":"action","action":"call","phone":"102"}`, protocol.CodeNotAuthenticated, "call"},
		{"logged in twice", "ana", `{"type":"auth-plain","user":"ana","passwd":"x"}`, protocol.CodeAlreadyAuthenticated, ""},
		{"a supervisor acts", "eva", `{"type":"action","action":"call","phone":"102"}`, protocol.CodeForbidden, "call"},
		{"no such call", "ana", `{"type":"action","action":"hangup","call":["9.9"]}`, protocol.CodeNoSuchCall, "hangup"},
		{"another's call", "bob", `{"type":"action","action":"hangup","call":["1.1"]}`, protocol.CodeNoSuchCall, "hangup"},
		{"transfer of another's call", "bob", `{"type":"action","action":"blindtransfer","call":"1.1","phone":"102"}`, protocol.CodeNoSuchCall, "blindtransfer"},
		{"a message too large", "ana", `{"type":"` + strings.Repeat("x", 5000) + `"}`, protocol.CodeTooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := "/agent"
			if tt.user == "eva" {
				path = "/ws"
			}
			c := watch.Dial(t, o.url(path))
			if tt.user != "" {
				c.Login(tt.user, password)
			}
			for range 2 {
				c.Send(tt.send)
				got := watch.Await(c, func(protocol.Error) bool { return true })
				if got.Code != tt.code || got.Action != tt.action || got.Message == "" {
					t.Errorf("answered by %+v", got)
				}
			}
		})
	}
	if got := o.desk.got(); len(got) != 0 {
		t.Errorf("these commands got through: %+v", got)
	}
}

func TestActionsReachThePBX(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.login("/agent", "ana")
	c.Send(`{"type":"action","action":"call","phone":"+34 910-000-000","customfield1":"a","customfield2":"b"}`)
	c.Send(`{"type":"action","action":"blindtransfer","call":"1.1","phone":102}`)
	c.Send(`{"type":"action","action":"hangup","call":["1.1"]}`)
	c.Fence()
	if err := o.board.Settle(); err != nil {
		t.Fatal(err)
	}
	want := []pbx.Command{
		{Kind: pbx.Originate, Extension: id("101"), Phone: "+34910000000", Custom: [2]string{"a", "b"}},
		{Kind: pbx.BlindTransfer, Extension: id("101"), CallID: "1.1", Phone: "102"},
		{Kind: pbx.Hangup, Extension: id("101"), CallID: "1.1"},
	}
	if diff := cmp.Diff(want, o.desk.got()); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	for reason, want := range map[pbx.Reason]protocol.ErrorCode{
		pbx.Refused: protocol.CodeRefused, pbx.PBXUnavailable: protocol.CodePBXUnavailable,
		pbx.NotRegistered: protocol.CodeNotRegistered, pbx.PhoneBusy: protocol.CodeBusy, pbx.NoAnswer: protocol.CodeNoAnswer,
		pbx.Rejected: protocol.CodeRejected, pbx.Congestion: protocol.CodeCongestion,
		pbx.NoSuchNumber: protocol.CodeNoSuchNumber, pbx.NoSuchCall: protocol.CodeNoSuchCall,
		pbx.NotTransferable: protocol.CodeNotTransferable, pbx.TimedOut: protocol.CodeTimeout,
	} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, usual())
			o.desk.answers(&pbx.Failure{Reason: reason, Detail: "so it is"})
			c := o.login("/agent", "ana")
			c.Do(protocol.Originate{Phone: "102"})
			got := watch.Await(c, func(protocol.Error) bool { return true })
			if got.Code != want || got.Action != "call" || !strings.HasSuffix(got.Message, "so it is") {
				t.Errorf("told %+v", got)
			}
		})
	}
}

func TestPBXAwayRefusesAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.login("/agent", "ana")
	o.says(pbx.Event{Kind: pbx.Offline})
	watch.Await(c, watch.Equal(protocol.ExtensionStatus{Server: "pbx1", Extension: "101", Status: "Unavailable"}))
	c.Do(protocol.Originate{Phone: "102"})
	if got := watch.Await(c, func(protocol.Error) bool { return true }); got.Code != protocol.CodePBXUnavailable {
		t.Errorf("told %+v", got)
	}
}
