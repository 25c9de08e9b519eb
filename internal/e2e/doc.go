// Package e2e tests the whole server as its users meet it: real Asterisks, real SIP phones, WebSocket clients of another
// implementation. What it needs is installed by scripts/asterisk-lab.sh.
package e2e
