package asterisk

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Channel is one line of `core show channels concise`.
type Channel struct {
	Name     string // with its serial number: PJSIP/101-0000000a
	Device   string // without it: PJSIP/101, Local/102@fmfm;1
	State    string // Down, Ring, Ringing, Up, …
	Bridge   string // the bridge's id, "" if it is in none
	UniqueID string
}

// String returns the channel's device and state.
func (c Channel) String() string { return c.Device + " " + c.State }

// Channels returns the channels that exist, in the order of their ids.
func (s *Server) Channels() []Channel {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	output, err := s.admin.command(ctx, showChannels)
	if err != nil {
		s.tb.Fatalf("show channels: %v", err)
	}
	return parseChannels(output)
}

// AwaitChannels waits until the channels that exist are exactly those, and returns
// them. Each is written as [Channel.String] does; those in the same bridge are one
// string, as "PJSIP/101 Up + PJSIP/102 Up". The order does not matter.
func (s *Server) AwaitChannels(ctx context.Context, want ...string) []Channel {
	s.tb.Helper()
	bridges := make([][]string, len(want))
	for i, together := range want {
		bridges[i] = strings.Split(together, " + ")
	}
	wanted := writeBridges(bridges)
	output := s.AwaitCLI(ctx, showChannels, wanted, func(output string) bool {
		return writeBridges(bridgesOf(parseChannels(output))) == wanted
	})
	return parseChannels(output)
}

// bridgesOf groups channels by their bridges. A channel in none is alone.
func bridgesOf(channels []Channel) [][]string {
	var bridges [][]string
	index := map[string]int{}
	for _, channel := range channels {
		i, ok := index[channel.Bridge]
		if !ok || channel.Bridge == "" {
			i = len(bridges)
			index[channel.Bridge] = i
			bridges = append(bridges, nil)
		}
		bridges[i] = append(bridges[i], channel.String())
	}
	return bridges
}

// writeBridges writes groups of channels the same way in whatever order they are.
func writeBridges(bridges [][]string) string {
	all := make([]string, len(bridges))
	for i, together := range bridges {
		slices.Sort(together)
		all[i] = strconv.Quote(strings.Join(together, " + "))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// AwaitCLI waits until a console command's output is as wanted, which what says in
// words, and returns it.
func (s *Server) AwaitCLI(ctx context.Context, command, what string, wanted func(output string) bool) string {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(ctx, timeout/2)
	defer cancel()
	// It is worth asking again after an event, and after a moment: an event can come
	// before its effect can be seen.
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	var last string
	for {
		output, err := s.admin.command(ctx, command)
		if err == nil {
			if wanted(output) {
				return output
			}
			last = output
		}
		select {
		case <-s.admin.changed:
		case <-again.C:
		case <-ctx.Done():
			s.tb.Fatalf("asterisk %s: %s: waited for %s: it is\n%s", s.version, command, what, last)
		}
	}
}

// Mark returns how much AMI has said; see [Server.AwaitEvent].
func (s *Server) Mark() int { return s.admin.mark() }

// AwaitEvent waits for an AMI event after a mark that holds all these texts, such as
// "Event: Hold\r\n" and "Channel: PJSIP/101-", and returns it.
func (s *Server) AwaitEvent(ctx context.Context, mark int, texts ...string) string {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(ctx, timeout/2)
	defer cancel()
	event, err := s.admin.await(ctx, mark, texts...)
	if err != nil {
		s.tb.Fatalf("asterisk %s: waited for an event with %q: %v", s.version, texts, err)
	}
	return event
}

const showChannels = "core show channels concise"

func parseChannels(output string) []Channel {
	var channels []Channel
	for line := range strings.Lines(output) {
		fields := strings.Split(strings.TrimSpace(line), "!")
		if len(fields) < 14 {
			continue
		}
		n := len(fields)
		channels = append(channels, Channel{
			Name:     fields[0],
			Device:   deviceOf(fields[0]),
			State:    fields[4],
			Bridge:   fields[n-2],
			UniqueID: fields[n-1],
		})
	}
	slices.SortFunc(channels, func(a, b Channel) int { return compareIDs(a.UniqueID, b.UniqueID) })
	return channels
}

// compareIDs orders unique ids, seconds and serial number, by their age: .9 before .10.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// deviceOf takes the serial number off a channel's name.
func deviceOf(name string) string {
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return name
	}
	if half := strings.IndexByte(name[dash:], ';'); half >= 0 { // Local/…-00000001;2
		return name[:dash] + name[dash+half:]
	}
	return name[:dash]
}
