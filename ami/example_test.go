package ami_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/clavija/clavija/ami"
)

func ExampleReader() {
	r := ami.NewReader(strings.NewReader("Asterisk Call Manager/11.0.0\r\n" +
		"Event: Newchannel\r\nChannel: PJSIP/101-00000000\r\nExten: 102\r\n\r\n" +
		"Event: Hangup\r\nChannel: PJSIP/101-00000000\r\nCause: 16\r\n\r\n"))
	for {
		m, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s of %s, cause %q\n", m.Event(), m.Get("channel"), m.Get("Cause"))
	}
	// Output:
	// Newchannel of PJSIP/101-00000000, cause ""
	// Hangup of PJSIP/101-00000000, cause "16"
}

func ExampleAction() {
	packet, err := ami.NewAction("Originate").
		With("Channel", "PJSIP/101").
		With("Exten", "102").
		WithVariable("__NOTE", "called back, twice").
		Append(nil)
	fmt.Printf("%q %v\n", packet, err)
	// Output:
	// "Action: Originate\r\nChannel: PJSIP/101\r\nExten: 102\r\nVariable: __NOTE=called back\\, twice\r\n\r\n" <nil>
}
