package watch

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/protocol"
)

// Any stands in a message of [Client.Expect] for whatever value there is.
const Any = "$any"

// Expect waits for as many updates of one extension as want has, and fails the test unless they, and whatever the server
// has queued by then, are exactly want. Each Expect for the extension goes on where the last one ended.
//
// In want, a CallID that starts with $ is a placeholder: it stands for the id of the call where it is used first, also
// in later Expects; see [Client.ID]. Two placeholders are two calls. A Server and an Extension left empty are filled in.
func (c *Client) Expect(server, extension string, want ...protocol.Message) {
	c.tb.Helper()
	c.expect(extensionKey{server, extension}, want, false)
}

// ExpectEach is Expect that compares the updates of each call, and the extension's states, each on their own: how they
// interleave is up to the PBX.
func (c *Client) ExpectEach(server, extension string, want ...protocol.Message) {
	c.tb.Helper()
	c.expect(extensionKey{server, extension}, want, true)
}

// ID returns the call id that a placeholder stands for.
func (c *Client) ID(placeholder string) string {
	c.tb.Helper()
	id, ok := c.ids[placeholder]
	if !ok {
		c.tb.Fatalf("%s stands for no call yet", placeholder)
	}
	return id
}

// ExpectCalls is ExpectEach that leaves the extension's states out, in want too: how many of them there are is up to the PBX, which
// runs together those that follow each other closely.
func (c *Client) ExpectCalls(server, extension string, want ...protocol.Message) {
	c.tb.Helper()
	c.skipStatus = true
	defer func() { c.skipStatus = false }()
	c.expect(extensionKey{server, extension}, c.withoutStatus(want), true)
}

// withoutStatus leaves extension states out, if they are not compared.
func (c *Client) withoutStatus(messages []protocol.Message) []protocol.Message {
	if !c.skipStatus {
		return messages
	}
	return slices.DeleteFunc(slices.Clone(messages), func(m protocol.Message) bool {
		_, is := m.(protocol.ExtensionStatus)
		return is
	})
}

func (c *Client) expect(key extensionKey, want []protocol.Message, each bool) {
	c.tb.Helper()
	start := c.expected[key]
	err := c.wait(func() bool { return len(c.withoutStatus(updatesOf(key, c.received[start:]))) >= len(want) })
	if err == nil {
		c.Fence()
	}
	received := c.Messages()
	c.expected[key] = len(received)
	want, got := filled(key, want), c.withoutStatus(updatesOf(key, received[start:]))
	calls := callIDs(want)
	c.bind(calls, callIDs(got))
	got = c.named(calls, got)
	if each {
		sortByCall(calls, want)
		sortByCall(calls, got)
	}
	if diff := cmp.Diff(want, masked(got, want)); diff != "" {
		c.tb.Fatalf("updates of %s on %s (-want +got):\n%s", key.extension, key.server, diff)
	}
	if err != nil {
		c.tb.Fatalf("updates of %s on %s: %v", key.extension, key.server, err)
	}
}

func updatesOf(key extensionKey, messages []protocol.Message) []protocol.Message {
	var updates []protocol.Message
	for _, m := range messages {
		if about, ok := keyOf(m); ok && about.extensionKey == key {
			updates = append(updates, m)
		}
	}
	return updates
}

// filled returns want with the extension's name where there is none.
func filled(key extensionKey, want []protocol.Message) []protocol.Message {
	var list []protocol.Message
	for _, m := range want {
		list = append(list, edited(m, func(field, value string) string {
			switch {
			case value == "" && field == "Server":
				return key.server
			case value == "" && field == "Extension":
				return key.extension
			}
			return value
		}))
	}
	return list
}

// callIDs returns the calls that messages concern, in order of appearance.
func callIDs(messages []protocol.Message) []string {
	var ids []string
	for _, m := range messages {
		if key, _ := keyOf(m); key.callID != "" && !slices.Contains(ids, key.callID) {
			ids = append(ids, key.callID)
		}
	}
	return ids
}

// bind lets each placeholder of want that stands for no call yet stand for the next call of got that no other does.
func (c *Client) bind(want, got []string) {
	bound := slices.Collect(maps.Values(c.ids))
	fresh := slices.DeleteFunc(slices.Clone(got), func(id string) bool {
		return slices.Contains(bound, id) || slices.Contains(want, id)
	})
	for _, placeholder := range want {
		_, known := c.ids[placeholder]
		if !known && strings.HasPrefix(placeholder, "$") && placeholder != Any && len(fresh) > 0 {
			c.ids[placeholder], fresh = fresh[0], fresh[1:]
		}
	}
}

// named returns got with placeholders for the call ids that they stand for, unless want has the ids themselves.
func (c *Client) named(want []string, got []protocol.Message) []protocol.Message {
	var list []protocol.Message
	for _, m := range got {
		list = append(list, edited(m, func(field, value string) string {
			if field != "CallID" || slices.Contains(want, value) {
				return value
			}
			for placeholder, id := range c.ids {
				if id == value {
					return placeholder
				}
			}
			return value
		}))
	}
	return list
}

// sortByCall brings the messages of each call together, in the order of calls: first those of no call, last those of
// other calls.
func sortByCall(calls []string, messages []protocol.Message) {
	rank := func(m protocol.Message) int {
		key, _ := keyOf(m)
		if i := slices.Index(calls, key.callID); i >= 0 {
			return i + 1
		}
		if key.callID == "" {
			return 0
		}
		return len(calls) + 1
	}
	slices.SortStableFunc(messages, func(a, b protocol.Message) int { return rank(a) - rank(b) })
}

// masked returns got with Any where want has it.
func masked(got, want []protocol.Message) []protocol.Message {
	var list []protocol.Message
	for i, m := range got {
		if i >= len(want) || reflect.TypeOf(m) != reflect.TypeOf(want[i]) {
			list = append(list, m)
			continue
		}
		wanted := reflect.ValueOf(want[i])
		list = append(list, edited(m, func(field, value string) string {
			if wanted.FieldByName(field).String() == Any {
				return Any
			}
			return value
		}))
	}
	return list
}

// edited returns a copy of m with each of its string fields edited.
func edited(m protocol.Message, edit func(field, value string) string) protocol.Message {
	v := reflect.New(reflect.TypeOf(m)).Elem()
	v.Set(reflect.ValueOf(m))
	for i := range v.NumField() {
		if field := v.Field(i); field.Kind() == reflect.String {
			field.SetString(edit(v.Type().Field(i).Name, field.String()))
		}
	}
	edited, _ := reflect.TypeAssert[protocol.Message](v) // it is what m is
	return edited
}
