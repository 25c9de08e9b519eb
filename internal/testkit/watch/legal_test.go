package watch

import (
	"slices"
	"strings"
	"testing"

	"github.com/clavija/clavija/protocol"
)

func TestLegal(t *testing.T) {
	t.Parallel()
	var (
		welcome   = protocol.Welcome{Server: "pbx1"}
		forbidden = protocol.AuthForbidden{Server: "pbx1"}
		ok        = protocol.AuthOK{Server: "pbx1"}
		failure   = protocol.Error{Code: protocol.CodeBadJSON}
		start     = []protocol.Message{welcome, ok, idle("101", "102")}
		about     = func(m protocol.Message) protocol.Message {
			return edited(m, func(field, value string) string {
				if value != "" {
					return value
				}
				return map[string]string{"Server": "pbx1", "Extension": "101", "CallID": "1.0", "Direction": "inbound"}[field]
			})
		}
		status   = func(s string) protocol.Message { return about(protocol.ExtensionStatus{Status: s}) }
		newCall  = about(protocol.NewCall{})
		ringing  = about(protocol.CallState{State: "5", StateDesc: "Ringing"})
		up       = about(protocol.CallState{State: "6", StateDesc: "Up"})
		hangup   = about(protocol.Hangup{Cause: "16"})
		hold     = about(protocol.CallMark{Mark: protocol.StartMOH})
		unhold   = about(protocol.CallMark{Mark: protocol.StopMOH})
		record   = about(protocol.CallMark{Mark: protocol.StartRecord})
		unrecord = about(protocol.CallMark{Mark: protocol.EndRecord})
	)
	after := func(messages ...protocol.Message) []protocol.Message { return slices.Concat(start, messages) }
	from := func(state protocol.Init, messages ...protocol.Message) []protocol.Message {
		return append([]protocol.Message{welcome, ok, state}, messages...)
	}
	listing := func(e protocol.Extension) []protocol.Message {
		return from(protocol.Init{Server: "pbx1", Data: []protocol.Extension{e}})
	}
	agent := func(messages ...protocol.Message) []protocol.Message {
		return append([]protocol.Message{welcome, protocol.AuthOK{Extension: "101"}}, messages...)
	}
	for name, tt := range map[string]struct {
		messages []protocol.Message
		want     string // what is wrong with the last message, "" if all are legal
	}{
		"a call":                     {after(append(callOf("1.0"), callOf("2.0")...)...), ""},
		"login after errors":         {[]protocol.Message{welcome, failure, forbidden, failure, forbidden, ok, idle("101"), failure}, ""},
		"two servers":                {after(protocol.Init{Server: "pbx2"}, newCall), ""},
		"later extension":            {after(protocol.ExtensionStatus{Server: "pbx1", Extension: "103", Status: "Idle"}), ""},
		"same call id elsewhere":     {after(newCall, protocol.NewCall{Server: "pbx1", Extension: "102", CallID: "1.0", Direction: "outbound"}), ""},
		"recording":                  {after(newCall, record, unrecord, record, unrecord, hangup), ""},
		"listed call ends":           {from(inCall(false), hangup), ""},
		"listed recording ends":      {from(inCall(false), unrecord, record, unrecord, hangup), ""},
		"listed recording starts":    {from(inCall(false), record, unrecord, hangup), ""},
		"listed hold ends":           {from(inCall(true), unhold, hangup), ""},
		"own extension":              {agent(idle("101"), newCall), ""},
		"no welcome":                 {[]protocol.Message{failure}, "too early"},
		"two welcomes":               {[]protocol.Message{welcome, welcome}, "too early, or again"},
		"refused after accepted":     {after(forbidden), "too early, or again"},
		"accepted twice":             {after(ok), "too early, or again"},
		"init before accepted":       {[]protocol.Message{welcome, idle("101")}, "too early"},
		"error before init":          {[]protocol.Message{welcome, ok, failure}, "too early"},
		"update before init":         {[]protocol.Message{welcome, ok, status("Busy")}, "too early"},
		"update of unknown server":   {after(protocol.ExtensionStatus{Server: "pbx2", Extension: "101", Status: "Idle"}), "too early"},
		"second init":                {after(idle("101")), "a second init"},
		"unknown message":            {after(protocol.Unknown{Type: "news", Raw: []byte("{}")}), "unknown message"},
		"listed twice":               {from(idle("101", "101")), "extension 101 is listed twice"},
		"call listed twice":          {listing(protocol.Extension{Extension: "101", Calls: slices.Repeat(inCall(true).Data[0].Calls, 2)}), "call 1.0 is listed twice"},
		"listed bad status":          {listing(protocol.Extension{Extension: "101", Status: "NotInUse"}), "not a status"},
		"listed bad state":           {listing(protocol.Extension{Extension: "101", Calls: []protocol.Call{{Monitored: true, CallDirection: "inbound", Status: "6"}}}), "not a state"},
		"listed bad direction":       {listing(protocol.Extension{Extension: "101", Calls: []protocol.Call{{Monitored: true, Status: "0", StatusDesc: "Down"}}}), "not a direction"},
		"listed unmonitored":         {listing(protocol.Extension{Extension: "101", Calls: []protocol.Call{{CallID: "1.0"}}}), "not monitored"},
		"foreign extension listed":   {agent(idle("101", "102")), "not the agent's extension"},
		"foreign extension":          {agent(idle("101"), protocol.ExtensionStatus{Server: "pbx1", Extension: "102", Status: "Idle"}), "not the agent's extension"},
		"same status":                {after(status("Idle")), "nothing new"},
		"same status again":          {after(status("Busy"), status("Busy")), "nothing new"},
		"bad status":                 {after(status("NotInUse")), "not a status"},
		"unknown extension":          {after(protocol.NewCall{Server: "pbx1", Extension: "103", CallID: "1.0"}), "extension was not announced"},
		"announced twice":            {after(newCall, newCall), "call was announced before"},
		"announced after listed":     {from(inCall(false), newCall), "call was announced before"},
		"announced after end":        {after(newCall, hangup, newCall), "call was announced before"},
		"bad direction":              {after(about(protocol.NewCall{Direction: "in"})), "not a direction"},
		"not announced":              {after(ringing), "call was not announced"},
		"state after end":            {after(newCall, hangup, up), "call has ended"},
		"ended twice":                {after(newCall, hangup, hangup), "call has ended"},
		"same state":                 {after(newCall, ringing, ringing), "nothing new"},
		"state Down again":           {after(newCall, about(protocol.CallState{State: "0", StateDesc: "Down"})), "nothing new"},
		"same state as listed":       {from(inCall(false), up), "nothing new"},
		"bad state":                  {after(newCall, about(protocol.CallState{State: "6", StateDesc: "up"})), "not a state"},
		"held twice":                 {after(newCall, hold, hold), "nothing new"},
		"held, as listed":            {from(inCall(true), hold), "nothing new"},
		"taken back but not held":    {after(newCall, unhold), "nothing new"},
		"recorded twice":             {after(newCall, record, record), "nothing new"},
		"not recorded":               {after(newCall, unrecord), "nothing new"},
		"ended on hold":              {after(newCall, hold, hangup), "still open"},
		"ended on hold, as listed":   {from(inCall(true), hangup), "still open"},
		"ended while recorded":       {after(newCall, record, hangup), "still open"},
		"bad cause":                  {after(newCall, about(protocol.Hangup{Cause: "Normal Clearing"})), "not a Q.850 cause"},
		"cause out of range":         {after(newCall, about(protocol.Hangup{Cause: "128"})), "not a Q.850 cause"},
		"cause with a leading zero":  {after(newCall, about(protocol.Hangup{Cause: "016"})), "not a Q.850 cause"},
		"cause unknown to the PBX":   {after(newCall, about(protocol.Hangup{Cause: "0"})), ""},
		"extension comes back alive": {after(status("Unavailable"), status("Idle")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkLegal(t, &Legal{}, tt.messages, tt.want)
		})
	}
	for name, tt := range map[string]struct {
		messages []protocol.Message
		want     string
	}{
		"resync":                    {after(newCall, hold, inCall(false), hangup), ""},
		"resync without the call":   {after(newCall, idle("101"), hangup), "call was not announced"},
		"resync without extension":  {after(idle("102"), hangup), "extension was not announced"},
		"resync of an ended call":   {after(newCall, hangup, inCall(false)), "has ended before"},
		"resync of a call unlisted": {after(newCall, idle("101"), inCall(false), hangup), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkLegal(t, &Legal{AllowResync: true}, tt.messages, tt.want)
		})
	}
}

func checkLegal(t *testing.T, l *Legal, messages []protocol.Message, want string) {
	t.Helper()
	for i, m := range messages {
		wanted := ""
		if i == len(messages)-1 {
			wanted = want
		}
		err := l.Check(m)
		if wanted == "" && err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if wanted != "" && (err == nil || !strings.Contains(err.Error(), wanted)) {
			t.Fatalf("last message: %v, want %s", err, wanted)
		}
	}
}
