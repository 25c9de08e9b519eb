package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/store"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// defaultConfigFile is read, if it is there, when no other is named.
const defaultConfigFile = "clavija.toml"

// maxPasswordInput is how many bytes are read of a password: more than any may have, so that the policy can say so.
const maxPasswordInput = 4096

// cli is the command line.
type cli struct {
	Help   helpFlag `short:"h" help:"Show help."`
	Config string   `type:"path" placeholder:"FILE" help:"Configuration file (default: ./clavija.toml if there is one)."`

	Serve   serveCmd   `cmd:"" help:"Run the server."`
	User    userCmd    `cmd:"" help:"Manage supervisors: the users who see a whole account."`
	Agent   agentCmd   `cmd:"" help:"Manage agents: the users who are one extension."`
	Version versionCmd `cmd:"" help:"Show the version."`
}

// app is what commands work with.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	configFile     string // empty: the default one, if it is there
}

// usageError is a wrong use of a command that only shows when it runs.
type usageError struct{ error }

// run carries out the command line and returns the exit code. What a command was asked for goes to stdout, what it has to
// say about it to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("clavija"), kong.Description("An open CTI server."),
		kong.NoDefaultHelp(), kong.Writers(stdout, stderr))
	if err != nil {
		return report(stderr, err)
	}
	command, err := parser.Parse(args)
	if errors.Is(err, errHelp) {
		return exitOK
	}
	if err != nil {
		return report(stderr, usageError{fmt.Errorf("%w (see clavija --help)", err)})
	}
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, configFile: c.Config}
	command.BindTo(ctx, (*context.Context)(nil))
	return report(stderr, command.Run(a))
}

// report tells what went wrong, if anything, and returns the exit code for it.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintf(stderr, "clavija: %s\n", strings.TrimSuffix(line, "\n"))
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// helpFlag shows help instead of anything else. (Kong's own would end the process.)
type helpFlag bool

// errHelp says that help was shown.
var errHelp = errors.New("help was shown")

// BeforeReset is called when the flag is there, whatever else is missing.
func (helpFlag) BeforeReset(c *kong.Context) error {
	return errors.Join(errHelp, c.PrintUsage(false))
}

type versionCmd struct{}

// Run is called for "clavija version".
func (versionCmd) Run(a *app) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	_, err := fmt.Fprintf(a.stdout, "clavija %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// say prints a remark. There is nobody to tell when that fails.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
}

// config reads the configuration by load: [config.Load] or [config.LoadWithoutSecrets].
func (a *app) config(load func(path string) (*config.Config, error)) (*config.Config, error) {
	if a.configFile != "" {
		return load(a.configFile)
	}
	if _, err := os.Stat(defaultConfigFile); errors.Is(err, fs.ErrNotExist) {
		return config.Default(), nil
	}
	return load(defaultConfigFile)
}

// withUsers calls f with the configuration and the open store.
func (a *app) withUsers(ctx context.Context, f func(*config.Config, *store.Store) error) error {
	cfg, err := a.config(config.LoadWithoutSecrets)
	if err != nil {
		return err
	}
	users, err := store.Open(ctx, cfg.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(f(cfg, users), users.Close())
}

// account returns the account called name, or an error that says which there are.
func account(cfg *config.Config, name string) (config.Account, error) {
	acc, ok := cfg.Account(name)
	if !ok {
		var names []string
		for _, a := range cfg.Accounts {
			names = append(names, a.Name)
		}
		return config.Account{}, fmt.Errorf("there is no account %q; there is %s", name, strings.Join(names, ", "))
	}
	return acc, nil
}

// checkName looks whether name can be a user's.
func checkName(name string) error {
	if !auth.ValidName(name) {
		return fmt.Errorf("%q can't be a user name: it may have letters, digits, . _ @ + - and at most 64 of them", name)
	}
	return nil
}

// passwordFlags say where a new password comes from. Without any, the terminal is asked.
type passwordFlags struct {
	PasswordStdin bool `xor:"password" help:"Read the password from standard input."`
	Generate      bool `xor:"password" help:"Make a random password and print it."`
}

// newPassword gets a password for u, refuses a weak one, and returns u with its hash. done is to be called when that is
// stored.
func (f passwordFlags) newPassword(ctx context.Context, a *app, u auth.User) (_ auth.User, done func() error, err error) {
	password, err := f.password(ctx, a)
	if err != nil {
		return auth.User{}, nil, err
	}
	if err := auth.CheckPassword(u, password); err != nil {
		return auth.User{}, nil, err
	}
	u.PasswordHash, err = auth.HashPassword(password, auth.DefaultCost())
	done = func() (err error) {
		if f.Generate {
			_, err = fmt.Fprintln(a.stdout, password)
		}
		return err
	}
	return u, done, err
}

func (f passwordFlags) password(ctx context.Context, a *app) (string, error) {
	switch {
	case f.Generate:
		return rand.Text(), nil
	case f.PasswordStdin:
		data, err := io.ReadAll(io.LimitReader(a.stdin, maxPasswordInput))
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
	}
	terminal, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", usageError{errors.New("there is no terminal to ask for a password: use --password-stdin or --generate")}
	}
	password, err := a.ask(ctx, terminal, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := a.ask(ctx, terminal, "Again: ")
	if err == nil && again != password {
		err = errors.New("the passwords differ")
	}
	return password, err
}

// ask reads a line that isn't shown. When it is interrupted the terminal is left as it was.
func (a *app) ask(ctx context.Context, terminal *os.File, prompt string) (string, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fd := int(terminal.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask for password: %w", err)
	}
	_, _ = fmt.Fprint(a.stderr, prompt)
	defer a.say("") // the line that was typed was not shown, nor was its end
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if l.err != nil {
			return "", fmt.Errorf("ask for password: %w", l.err)
		}
		return string(l.text), nil
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted"), term.Restore(fd, state))
	}
}
