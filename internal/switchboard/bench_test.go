package switchboard_test

import (
	"sync/atomic"
	"testing"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/switchboard"
)

// BenchmarkEventToFrame: one event of a driver through the state to an encoded frame, and to one supervisor.
func BenchmarkEventToFrame(b *testing.B) {
	s := run(b, switchboard.Server{Name: "pbx1"})
	s.Publish("pbx1", []pbx.Event{synchronized("101")})
	if err := s.Settle(); err != nil {
		b.Fatal(err)
	}
	out := switchboard.NewOutbox(1<<30, nil, func([][]byte) error { return nil }, func(error) {})
	if err := s.Join(switchboard.NewSupervisor(out)); err != nil {
		b.Fatal(err)
	}
	up, ringing := changed("101", "1", pbx.StateUp), changed("101", "1", pbx.StateRinging)
	batch := make([]pbx.Event, 64)
	for i := range batch {
		batch[i] = up
		if i%2 == 1 {
			batch[i] = ringing
		}
	}
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		s.Publish("pbx1", batch)
		events += len(batch)
	}
	if err := s.Settle(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}

// BenchmarkFanOut: one event to 1,000 supervisors, until all have it.
func BenchmarkFanOut(b *testing.B) {
	const sessions = 1000
	s := run(b, switchboard.Server{Name: "pbx1"})
	s.Publish("pbx1", []pbx.Event{synchronized("101")})
	if err := s.Settle(); err != nil {
		b.Fatal(err)
	}
	var delivered atomic.Int64
	done := make(chan struct{}, 1)
	var target atomic.Int64
	target.Store(sessions)
	for range sessions {
		out := switchboard.NewOutbox(1<<20, nil, func(frames [][]byte) error {
			if delivered.Add(int64(len(frames))) == target.Load() {
				done <- struct{}{}
			}
			return nil
		}, func(error) {})
		if err := s.Join(switchboard.NewSupervisor(out)); err != nil {
			b.Fatal(err)
		}
	}
	<-done // the inits
	up, ringing := changed("101", "1", pbx.StateUp), changed("101", "1", pbx.StateRinging)
	target.Add(2 * sessions) // the call and its state
	s.Publish("pbx1", []pbx.Event{up})
	<-done
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		target.Add(sessions)
		ev := ringing
		if i%2 == 1 {
			ev = up
		}
		s.Publish("pbx1", []pbx.Event{ev})
		<-done
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sessions), "ns/delivery")
}
