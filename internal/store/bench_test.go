package store

import (
	"fmt"
	"testing"
)

func BenchmarkUsers(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	const users = 10_000
	for i := range users {
		if _, err := s.AddUser(b.Context(), agentUser(fmt.Sprint("user", i), fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("look for changes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.usersRevision(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.UserByName(b.Context(), "User5000"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all 10000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := s.WaitUsers(b.Context(), 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}
