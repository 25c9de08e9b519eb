package asterisk

import (
	"context"
	"fmt"
	"net"
	"testing"
)

// Ports of instances are taken below those that the kernel hands out by itself: a
// restarted Asterisk must find its own free, and for port 0 anybody could get them
// in between.
const (
	firstPort     = 12000
	lastPort      = 32000
	portsPerBlock = 200
)

// reservePorts returns the first of a block of ports that no other instance on this
// machine uses, for as long as the test runs.
func reservePorts(tb testing.TB) int {
	tb.Helper()
	var config net.ListenConfig
	for base := firstPort; base < lastPort; base += portsPerBlock {
		// The lock is an abstract socket: it belongs to the network namespace, as
		// ports do, and goes with its process.
		lock, err := config.Listen(tb.Context(), "unix", fmt.Sprintf("@clavija-lab-%d", base))
		if err != nil {
			continue
		}
		if isFree(tb.Context(), base) {
			tb.Cleanup(func() { _ = lock.Close() })
			return base
		}
		_ = lock.Close()
	}
	tb.Fatal("asterisk: no free ports")
	return 0
}

// isFree tells whether nobody else listens on a block's port, for AMI and for SIP.
func isFree(ctx context.Context, port int) bool {
	var config net.ListenConfig
	tcp, err := config.Listen(ctx, "tcp", loopback(port))
	if err != nil {
		return false
	}
	defer func() { _ = tcp.Close() }()
	udp, err := config.ListenPacket(ctx, "udp", loopback(port))
	if err != nil {
		return false
	}
	return udp.Close() == nil
}
