package scenario

// RecordedCaller is a call that is recorded on 101's leg from before it is placed.
func RecordedCaller(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "5102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// RecordedCallee is a call that is recorded on 102's leg from its answer.
func RecordedCallee(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "5202", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// RecordedTouch is a call whose recording 101 starts and stops by a key (*1).
func RecordedTouch(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(func() { caller.SendDTMF("*1") }, "MixMonitorStart")
	l.Step("recording", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(func() { caller.SendDTMF("*1") }, "MixMonitorStop")
	l.Step("stopped", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}
