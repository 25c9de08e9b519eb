package asterisk

import (
	"slices"
	"strings"

	"github.com/clavija/clavija/internal/pbx"
)

// extension is an extension of the PBX: a hint in one of the monitored contexts.
type extension struct {
	pbx.Extension
	devices []string // in the hint's order and case
	listed  uint64   // the newest refresh that has listed it, or that had begun when an event last spoke of it
	heard   uint64   // the newest refresh that had begun when an event last spoke of it
}

// hintDevices returns the devices of a hint that are telephones: "PJSIP/101&Custom:DND101,CustomPresence:101" has one,
// PJSIP/101. Device states of other kinds (Custom:, Queue:, park:, confbridge: …) are not.
func hintDevices(hint string) []string {
	devices, _, _ := strings.Cut(hint, ",") // behind the comma: presence
	var list []string
	for device := range strings.SplitSeq(devices, "&") {
		technology, name, ok := strings.Cut(strings.TrimSpace(device), "/")
		if !ok || name == "" || technology == "" || strings.Contains(technology, ":") || strings.EqualFold(technology, "Local") {
			continue
		}
		list = append(list, technology+"/"+name)
	}
	return list
}

// extensionStatus returns the extension's state for Asterisk's number (include/asterisk/pbx.h, enum ast_extension_states), a
// set of bits; ok is false when the hint is removed.
func extensionStatus(number int) (status pbx.Status, ok bool) {
	const inUse, busy, unavailable, ringing, onHold = 1, 2, 4, 8, 16
	switch {
	case number < 0:
		return pbx.Unavailable, false
	case number&unavailable != 0:
		return pbx.Unavailable, true
	case number&ringing != 0 && number&inUse != 0:
		return pbx.InUseRinging, true
	case number&ringing != 0:
		return pbx.Ringing, true
	case number&onHold != 0 && number&inUse != 0:
		return pbx.InUseOnHold, true
	case number&onHold != 0:
		return pbx.OnHold, true
	case number&busy != 0:
		return pbx.Busy, true
	case number&inUse != 0:
		return pbx.InUse, true
	}
	return pbx.Idle, true
}

// setHint takes what an ExtensionStatus says. An empty hint says nothing of the devices: so it is while Asterisk starts.
func (m *model) setHint(id pbx.ExtensionID, hint string, number int) {
	status, exists := extensionStatus(number)
	e := m.extensions[id]
	devices := hintDevices(hint)
	switch {
	case !exists:
		if m.refresh.open {
			m.refresh.removed[id] = true
		}
		if e != nil {
			m.removeExtension(e)
		}
		return
	case e == nil && (len(devices) == 0 || !slices.Contains(m.contexts, id.Context) || strings.HasPrefix(id.Number, "_")):
		return
	case e == nil:
		e = &extension{Extension: pbx.Extension{ID: id, Status: status}}
		m.extensions[id] = e
	case len(devices) == 0 && hint != "":
		m.removeExtension(e) // the hint no longer names a telephone
		return
	}
	e.listed = m.refresh.number
	moved := len(devices) > 0 && !slices.Equal(devices, e.devices)
	before := e.Extension
	if moved {
		e.devices, e.Hint = devices, strings.Join(devices, "&")
	}
	e.Status = status
	m.remap = m.remap || moved
	if m.synced && e.Extension != before || m.synced && moved {
		m.emit(pbx.Event{Kind: pbx.ExtensionChanged, Extension: e.Extension})
	}
}

func (m *model) removeExtension(e *extension) {
	delete(m.extensions, e.ID)
	for _, c := range m.channels {
		if c.extension == e {
			c.extension, c.announced = nil, false
			delete(m.waiting, c)
		}
	}
	m.remap = true
	if m.synced {
		m.emit(pbx.Event{Kind: pbx.ExtensionRemoved, Extension: e.Extension})
	}
}

// mapDevices says anew whose each device is. A device that several hints name is of the extension with the device's own name,
// else of the one whose context comes first, then of the lowest number.
func (m *model) mapDevices() {
	m.remap = false
	clear(m.byDevice)
	for _, e := range m.extensions {
		for _, device := range e.devices {
			key := strings.ToLower(device)
			if holder := m.byDevice[key]; holder == nil || m.prefers(device, e, holder) {
				m.byDevice[key] = e
			}
		}
	}
	for _, c := range m.channels {
		owner := c.extension
		m.own(c)
		if c.extension != owner {
			m.touch(c)
		}
	}
}

func (m *model) prefers(device string, a, b *extension) bool {
	_, name, _ := strings.Cut(device, "/")
	if (a.ID.Number == name) != (b.ID.Number == name) {
		return a.ID.Number == name
	}
	return m.compare(a.ID, b.ID) < 0
}

// compare orders extensions by the order of their contexts in the configuration, then by number.
func (m *model) compare(a, b pbx.ExtensionID) int {
	if d := slices.Index(m.contexts, a.Context) - slices.Index(m.contexts, b.Context); d != 0 {
		return d
	}
	return strings.Compare(a.Number, b.Number)
}
