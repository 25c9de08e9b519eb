package scenario

// Hold is a call that 101 holds and takes back, and then 102.
func Hold(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(caller.Hold, "Hold")
	l.Step("held_by_caller", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(caller.Resume, "Unhold")
	l.Step("resumed_by_caller", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(callee.HoldInactive, "Hold")
	l.Step("held_by_callee", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(callee.Resume, "Unhold")
	l.Step("resumed_by_callee", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// HoldBoth is a call that both sides hold at once.
func HoldBoth(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(caller.Hold, "Hold")
	l.change(callee.Hold, "Hold")
	l.Step("held_by_both", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(caller.Resume, "Unhold")
	l.Step("held_by_callee", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(callee.Resume, "Unhold")
	l.Step("resumed", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// HoldHangUp is a call that ends on hold, by the side that is held.
func HoldHangUp(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(caller.Hold, "Hold")
	l.Step("held", "PJSIP/101 Up + PJSIP/102 Up")
	callee.Hangup()
	l.ended(caller)
	l.Step("ended")
}

// HoldLocalN is a hold in a call through a Local channel that stays.
func HoldLocalN(l *Lab) {
	l.Plug("101", "102")
	through := []string{"PJSIP/101 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/102 Up"}
	caller, callee := l.connect(l.Phone("101"), "6202", l.Phone("102"))
	l.Step("answered", through...)
	l.change(caller.Hold, "Hold")
	l.Step("held_by_caller", through...)
	l.change(caller.Resume, "Unhold")
	l.change(callee.Hold, "Hold")
	l.Step("held_by_callee", through...)
	l.change(callee.Resume, "Unhold")
	l.Step("resumed", through...)
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}
