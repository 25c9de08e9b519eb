package scenario

// A Scenario is a script with a name. It begins and ends without any channel.
type Scenario struct {
	Name string // as in a file's name
	Run  func(*Lab)
}

// All returns every scenario.
func All() []Scenario {
	return []Scenario{
		{"internal", Internal},
		{"internal_callee_hangs_up", InternalCalleeHangsUp},
		{"rejected", Rejected},
		{"declined", Declined},
		{"no_answer", NoAnswer},
		{"cancelled", Cancelled},
		{"busy_tone", BusyTone},
		{"congestion", Congestion},
		{"silence", Silence},
		{"service", Service},
		{"invalid_number", InvalidNumber},
		{"not_registered", NotRegistered},
		{"two_devices", TwoDevices},
		{"do_not_disturb", DoNotDisturb},
		{"two_tenants", TwoTenants},
		{"two_calls", TwoCalls},
		{"forwarded", Forwarded},

		{"hold", Hold},
		{"hold_both", HoldBoth},
		{"hold_hang_up", HoldHangUp},
		{"hold_local_n", HoldLocalN},

		{"trunk_in", TrunkIn},
		{"trunk_in_cancelled", TrunkInCancelled},
		{"trunk_in_group", TrunkInGroup},
		{"trunk_in_queue", TrunkInQueue},
		{"trunk_out", TrunkOut},
		{"trunk_out_busy", TrunkOutBusy},

		{"recorded_caller", RecordedCaller},
		{"recorded_callee", RecordedCallee},
		{"recorded_touch", RecordedTouch},

		{"local", Local},
		{"local_n", LocalN},
		{"group", Group},
		{"group_local_n", GroupLocalN},
		{"queue", Queue},
		{"queue_local_member", QueueLocalMember},
		{"queue_abandoned", QueueAbandoned},
		{"conference", Conference},
		{"pickup_directed", PickupDirected},
		{"pickup_group", PickupGroup},

		{"blind_by_caller", BlindByCaller},
		{"blind_by_callee", BlindByCallee},
		{"blind_no_answer", BlindNoAnswer},
		{"blind_invalid", BlindInvalid},
		{"blind_trunk", BlindTrunk},
		{"attended", Attended},
		{"attended_by_callee", AttendedByCallee},
		{"attended_ringing", AttendedRinging},
		{"attended_trunk", AttendedTrunk},
		{"parked", Parked},
		{"parked_hang_up", ParkedHangUp},
		{"parked_too_long", ParkedTooLong},
	}
}
