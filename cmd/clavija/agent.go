package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/store"
)

// agentCmd manages agents.
type agentCmd struct {
	Set      agentSetCmd      `cmd:"" help:"Make a user the agent of an extension, in place of the one it may have."`
	List     agentListCmd     `cmd:"" help:"List the agents."`
	Remove   agentRemoveCmd   `cmd:"" help:"Remove an agent and end its sessions."`
	Password agentPasswordCmd `cmd:"" help:"Give an agent another password and end its sessions."`
}

// extensionFlags say where an extension is.
type extensionFlags struct {
	Account string `default:"default" help:"Account of the extension."`
	PBX     string `name:"pbx" placeholder:"NAME" help:"PBX of the extension (default: the account's only one)."`
}

// find returns the account and the name of the PBX that are meant.
func (f extensionFlags) find(cfg *config.Config) (config.Account, string, error) {
	acc, err := account(cfg, f.Account)
	if err != nil {
		return config.Account{}, "", err
	}
	pbxs := acc.PBXs()
	switch {
	case len(pbxs) == 0:
		return config.Account{}, "", fmt.Errorf("account %s has no PBX: the configuration names none", acc.Name)
	case slices.Contains(pbxs, f.PBX):
		return acc, f.PBX, nil
	case f.PBX != "":
		return config.Account{}, "", fmt.Errorf("account %s has no PBX %q; it has %s", acc.Name, f.PBX, strings.Join(pbxs, ", "))
	case len(pbxs) > 1:
		return config.Account{}, "", fmt.Errorf("account %s has several PBXs, say which with --pbx: %s", acc.Name, strings.Join(pbxs, ", "))
	}
	return acc, pbxs[0], nil
}

type agentSetCmd struct {
	Extension string         `arg:"" help:"Number of the extension."`
	User      string         `required:"" placeholder:"NAME" help:"User name, unique in the server."`
	Where     extensionFlags `embed:""`
	Password  passwordFlags  `embed:""`
}

// Run is called for "clavija agent set".
func (c *agentSetCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(cfg *config.Config, users *store.Store) error {
		if err := checkName(c.User); err != nil {
			return err
		}
		acc, pbx, err := c.Where.find(cfg)
		if err != nil {
			return err
		}
		if err := checkExtension(acc, pbx, c.Extension); err != nil {
			return err
		}
		u, done, err := c.Password.newPassword(ctx, a, auth.User{
			Name: c.User, Kind: auth.Agent, Account: acc.Name, PBX: pbx, Extension: c.Extension,
		})
		if err != nil {
			return err
		}
		former, err := users.SetAgent(ctx, u)
		if err != nil {
			return err
		}
		switch {
		case former.ID == 0:
			a.say("%s is now the agent of %s in %s", u.Name, place(u), users.Path())
		case strings.EqualFold(former.Name, u.Name):
			a.say("%s was already the agent of %s and has a new password", u.Name, place(u))
		default:
			a.say("%s is now the agent of %s, instead of %s, who is removed", u.Name, place(u), former.Name)
		}
		return done()
	})
}

// checkExtension looks whether the account has an extension of that number.
func checkExtension(acc config.Account, pbx, number string) error {
	if !config.ValidNumber(number) {
		return fmt.Errorf("%q can't be the number of an extension", number)
	}
	if !acc.HasNumber(pbx, number) {
		return fmt.Errorf("account %s has no extension %s on PBX %s; it has %s", acc.Name, number, pbx, strings.Join(acc.Numbers(pbx), ", "))
	}
	return nil
}

// place says where an agent is.
func place(u auth.User) string {
	return fmt.Sprintf("extension %s on PBX %s of account %s", u.Extension, u.PBX, u.Account)
}

type agentListCmd struct{}

// Run is called for "clavija agent list".
func (agentListCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(_ *config.Config, users *store.Store) error {
		return a.list(ctx, users, auth.Agent, "EXTENSION\tPBX\tACCOUNT\tNAME\tADDED\tCHANGED", func(u auth.User) string {
			return u.Extension + "\t" + u.PBX + "\t" + u.Account + "\t" + u.Name
		})
	})
}

// agentFlags say which agent is meant.
type agentFlags struct {
	Extension string         `arg:"" optional:"" help:"Number of the agent's extension."`
	User      string         `placeholder:"NAME" help:"The agent's user name, instead of the extension."`
	Where     extensionFlags `embed:""`
}

func (f agentFlags) find(ctx context.Context, cfg *config.Config, users *store.Store) (auth.User, error) {
	switch {
	case (f.Extension == "") == (f.User == ""):
		return auth.User{}, usageError{errors.New("name the agent either by its extension or with --user")}
	case f.User != "":
		return userOfKind(ctx, users, auth.Agent, f.User)
	}
	acc, pbx, err := f.Where.find(cfg)
	if err != nil {
		return auth.User{}, err
	}
	u, err := users.Agent(ctx, acc.Name, pbx, f.Extension)
	if errors.Is(err, auth.ErrNoUser) {
		return auth.User{}, fmt.Errorf("extension %s on PBX %s of account %s has no agent", f.Extension, pbx, acc.Name)
	}
	return u, err
}

type agentRemoveCmd struct {
	Agent agentFlags `embed:""`
}

// Run is called for "clavija agent remove".
func (c *agentRemoveCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(cfg *config.Config, users *store.Store) error {
		u, err := c.Agent.find(ctx, cfg, users)
		if err != nil {
			return err
		}
		if err := users.RemoveUser(ctx, u); err != nil {
			return err
		}
		a.say("removed %s, agent of %s", u.Name, place(u))
		return nil
	})
}

type agentPasswordCmd struct {
	Agent    agentFlags    `embed:""`
	Password passwordFlags `embed:""`
}

// Run is called for "clavija agent password".
func (c *agentPasswordCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(cfg *config.Config, users *store.Store) error {
		u, err := c.Agent.find(ctx, cfg, users)
		if err != nil {
			return err
		}
		return a.changePassword(ctx, users, u, c.Password)
	})
}
