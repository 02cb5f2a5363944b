// Command crowd harasses a gateway's REST API until it is told to end, and then
// prints how each sort of request was answered. It is a process of its own so
// that the bench's probe, which tells the time, does not wait for it. See
// ../README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("crowd: ")
	base := flag.String("api", "", "the gateway's REST API, http://HOST:PORT")
	token := flag.String("token", "", "a token of the platform's")
	each := flag.Int("each", 2, "clients of each sort")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	crowd, err := testbed.Harass(ctx, testbed.NewAPI(*base, *token), *each)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("at work")
	<-ctx.Done()
	crowd.Disperse()
	fmt.Println(crowd)
}
