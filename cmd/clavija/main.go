// Clavija is an open CTI server: it follows the extensions and calls of telephone exchanges and offers them over WebSocket.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
