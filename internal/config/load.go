package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Load reads the file at path and the secrets that it refers to. Paths in it are relative to its directory. The error
// joins one [Problem] for each thing that is wrong, where it could be looked at.
func Load(path string) (*Config, error) { return load(path, os.LookupEnv) }

// LoadWithoutSecrets is [Load] for those that don't speak to PBXs: files and variables that hold secrets are not read and
// need not be there.
func LoadWithoutSecrets(path string) (*Config, error) { return load(path, nil) }

// load reads the file at path; with an environment, also the secrets.
func load(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, found, err := parse(path, string(data))
	if err != nil {
		return nil, err
	}
	c.resolvePaths(filepath.Dir(path))
	if env != nil {
		if err := c.warnExposed(path); err != nil {
			return nil, err
		}
		c.readSecrets(found, env)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	c.complete()
	return c, nil
}

// warnExposed looks at the rights of the configuration file itself, if it gives a secret.
func (c *Config) warnExposed(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if exposedMode(info) && slices.ContainsFunc(c.PBXs, func(p PBX) bool { return p.Secret.Reveal() != "" }) {
		c.warn("%s holds a secret and everybody on this machine can read it: chmod 640 it, or use secret_file", path)
	}
	return nil
}

// parse reads a document. Its values have been checked, each for itself and together; what was wrong with them is in
// found, for more to be added.
func parse(path, doc string) (c *Config, found *problems, err error) {
	var values map[string]any
	if _, err := toml.Decode(doc, &values); err != nil {
		return nil, nil, syntaxProblem(path, doc, err)
	}
	found = &problems{file: path, lines: indexLines(doc)}
	found.checkTable("", values, reflect.TypeFor[Config]())
	if err := found.err(); err != nil {
		return nil, nil, err
	}
	c = defaults()
	if pbxs := reflect.ValueOf(values["pbx"]); pbxs.IsValid() {
		c.PBXs = slices.Repeat([]PBX{defaultPBX()}, pbxs.Len()) // the decoder lays its values over these
	}
	if _, err := toml.Decode(doc, c); err != nil {
		return nil, nil, syntaxProblem(path, doc, err)
	}
	c.validate(found)
	return c, found, nil
}

func syntaxProblem(path, doc string, err error) error {
	if parse, ok := errors.AsType[toml.ParseError](err); ok {
		// The decoder's own count is one too many where it stumbles over the line's end.
		line := 1 + strings.Count(doc[:min(parse.Position.Start, len(doc))], "\n")
		if strings.Contains(lineOf(doc, line), "secret") {
			// The decoder quotes what it stumbled over.
			return &Problem{File: path, Line: line, Message: "the secret is not written as TOML wants it: a string in quotes"}
		}
		return &Problem{File: path, Line: line, Message: parse.Message}
	}
	return &Problem{File: path, Message: err.Error()}
}

// lineOf returns one line of a document, counted from 1, "" if there is none.
func lineOf(doc string, line int) string {
	for text := range strings.Lines(doc) {
		if line--; line == 0 {
			return text
		}
	}
	return ""
}

// resolvePaths makes relative paths relative to the working directory instead of dir.
func (c *Config) resolvePaths(dir string) {
	paths := []*string{&c.DataDir, &c.TLS.CertFile, &c.TLS.KeyFile}
	for i := range c.PBXs {
		paths = append(paths, &c.PBXs[i].SecretFile, &c.PBXs[i].TLSCAFile)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// readSecrets gets the secret of each PBX from the one source that gives it.
func (c *Config) readSecrets(found *problems, env func(string) (string, bool)) {
	variables := map[string]string{} // PBX by the variable that gave its secret
	for i := range c.PBXs {
		p, at := &c.PBXs[i], element("pbx", i)
		variable := SecretVariable(p.Name)
		fromEnv, _ := env(variable)
		inline := p.Secret.Reveal() != ""
		switch {
		case p.SecretFile == "" && !inline && fromEnv == "":
			found.add(at, "PBX %q has no secret: give secret, secret_file or the environment variable %s", p.Name, variable)
		case fromEnv != "" && (p.SecretFile != "" || inline):
			found.add(at, "PBX %q has two secrets: one here, one in the environment variable %s", p.Name, variable)
		case fromEnv != "" && variables[variable] != "":
			found.add(at, "the environment variable %s would be the secret of both PBX %q and %q", variable, variables[variable], p.Name)
		case fromEnv != "":
			variables[variable] = p.Name
			p.Secret = NewSecret(fromEnv)
		case p.SecretFile != "":
			secret, exposed, err := readSecret(p.SecretFile)
			if err != nil {
				found.add(child(at, "secret_file"), "secret of PBX %q: %v", p.Name, err)
				continue
			}
			p.Secret = secret
			if exposed {
				c.warn("%s holds a secret and everybody on this machine can read it: chmod 640 it", p.SecretFile)
			}
		}
		if hasControl(p.Secret.Reveal()) {
			found.add(at, "the secret of PBX %q holds a line end or another control character", p.Name)
		}
	}
}

func (c *Config) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}
