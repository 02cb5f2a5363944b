// Command growth works out what several nodes on one Redis carry, from what one
// of each was measured to take: nodes gather operations while a round trip lasts,
// so that more load makes each cheaper and more nodes each dearer, and Redis works
// off what arrives one after the other. See ../../docs/scale.md.
package main

import (
	"flag"
	"fmt"
	"log"
	"strconv"
	"strings"
	"time"
)

// simulated is how long each run lasts, on its own clock.
const simulated = 10 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("growth: ")
	c := measured()
	nodes := flag.String("nodes", "1,2,4,8,16,32", "numbers of nodes, a row each")
	rates := flag.String("rates", "500,1000,2000,4000,8000", "calls per second of all nodes, a column each")
	loops := flag.Int("loops", 1, "loops of a node that have a core each")
	flag.DurationVar(&c.away, "away", c.away, "a round trip's time outside Redis")
	flag.DurationVar(&c.trip, "trip", c.trip, "Redis' time for a round trip as such")
	flag.DurationVar(&c.operation, "operation", c.operation, "Redis' time for each operation in it, three a call")
	flag.DurationVar(&c.gateway, "gateway", c.gateway, "a node's CPU per call")
	flag.DurationVar(&c.budget, "budget", c.budget, "how long an admission may take")
	flag.Parse()
	if err := run(*nodes, *rates, *loops, c); err != nil {
		log.Fatal(err)
	}
}

func run(nodeList, rateList string, loops int, c cost) error {
	nodes, err := numbers(nodeList)
	if err != nil {
		return err
	}
	rates, err := numbers(rateList)
	if err != nil {
		return err
	}
	if loops < 1 {
		return fmt.Errorf("a node has at least one loop, not %d", loops)
	}
	fmt.Println("Redis µs a call, how busy its core is (operations a round trip), admitted in ms at p99:")
	fmt.Print("\n| nodes |")
	for _, r := range rates {
		fmt.Printf(" %d calls/s |", r)
	}
	fmt.Println("\n|---|" + strings.Repeat("---|", len(rates)))
	for _, n := range nodes {
		fmt.Printf("| %d |", n)
		for _, r := range rates {
			o := simulate(deployment{nodes: n, rate: float64(r)}, c, simulated)
			if o.carried(c) {
				fmt.Printf(" %d, %.0f %% (%.1f), %.1f |", o.redis.Microseconds(), 100*o.busy, o.batch, ms(o.p99))
			} else {
				fmt.Print(" – |")
			}
		}
		fmt.Println()
	}
	fmt.Println("\nHighest rate, calls/s (operations a round trip, p99 ms); * ended by the nodes' loops, else by Redis' core:")
	fmt.Println("\n| nodes | one Redis | a Cluster: records on other cores |\n|---|---|---|")
	for _, n := range nodes {
		fmt.Printf("| %d | %s | %s |\n", n, ceiling(n, loops, false, c), ceiling(n, loops, true, c))
	}
	return nil
}

func ceiling(nodes, loops int, spread bool, c cost) string {
	rate, o, node := highest(nodes, loops, spread, c)
	mark := ""
	if node {
		mark = "*"
	}
	return fmt.Sprintf("%.0f%s (%.0f, %.1f)", rate, mark, o.batch, ms(o.p99))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// numbers reads "1,2,4".
func numbers(list string) ([]int, error) {
	var out []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 1_000_000 {
			return nil, fmt.Errorf("%q is not a list of whole numbers from 1 on", list)
		}
		out = append(out, n)
	}
	return out, nil
}
