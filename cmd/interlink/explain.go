package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

func explainCommand(environ []string) *cobra.Command {
	var base, from, form string
	conn := &connection{environ: environ}
	cmd := &cobra.Command{
		GroupID: groupObjects,
		Use:     "explain ACCOUNT NUMBER",
		Short:   "Ask a running gateway what would become of a call, without making it",
		Long: "Ask a running gateway what would happen if the account dialled the number: every\n" +
			"rule considered, the verdict, the SIP answer and the reason. ACCOUNT is an id or\n" +
			"a name. Where to ask and as whom is told as for the other commands, or taken from\n" +
			"a gateway's configuration; the token of an embedded gateway that made its own is\n" +
			"read from its data directory.",
		Example: "  INTERLINK_ADMIN_TOKEN=… interlink explain acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C 2001\n" +
			"  interlink explain --embedded acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C 2001",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			api, err := explainer(conn, cfg, base)
			if err != nil {
				return err
			}
			id, err := find(cmd.Context(), &asked{api: api}, "account", args[0])
			if err != nil {
				return err
			}
			e, err := api.Explain(cmd.Context(), provision.Question{Account: directory.AccountID(id), Dialled: args[1], From: from})
			if err != nil {
				return err
			}
			if form != asTable {
				return printAnswer(cmd.OutOrStdout(), form, nil, e)
			}
			printTrail(cmd.OutOrStdout(), "", e)
			return nil
		},
	}
	addFlags(cmd.Flags())
	conn.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&base, "api", "", "base URL of the API, as --server; default: http:// and api_listen")
	cmd.Flags().StringVar(&from, "from", "", "the calling number")
	cmd.Flags().StringVarP(&form, "output", "o", asTable, strings.Join(forms(), ", "))
	return cmd
}

// explainer is the client of explain: what the flags and variables of all
// commands name goes before the configuration, and that before the session.
func explainer(conn *connection, cfg *Config, base string) (*provision.Client, error) {
	if base == "" {
		if base = conn.flagged(conn.server, serverVariable); base == "" {
			base = "http://" + reachable(cfg.APIListen)
		}
	}
	conn.server = base
	if conn.tokenFile != "" || variable(conn.environ, tokenVariable) != "" || variable(conn.environ, tokenFileVariable) != "" {
		return conn.client()
	}
	token, err := tokenToAsk(cfg)
	if err != nil {
		if _, saved, none := conn.session(); none == nil && saved != nil {
			return conn.client()
		}
		return nil, err
	}
	return provision.NewClient(base, token), nil
}

// tokenToAsk is the token of the configuration, or the one that an embedded
// gateway made for itself and keeps in its data directory.
func tokenToAsk(cfg *Config) (string, error) {
	switch {
	case cfg.AdminToken != "":
		return cfg.AdminToken, nil
	case !cfg.Embedded:
		return "", errors.New("admin_token: required to ask the API; the one that an embedded gateway made for itself is found with --embedded and --data-dir")
	}
	path := filepath.Join(cfg.DataDir, adminTokenFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("admin_token: not set, and no embedded gateway has made one: %w", err)
	}
	return checkSecret(path, string(b))
}

// reachable turns an address to listen on into one to connect to.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if a, e := netip.ParseAddr(host); err == nil && (host == "" || e == nil && a.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// trailWidth is the widest line printTrail writes, in columns.
const trailWidth = 98

// printTrail prints the steps as a table, then the verdict. The first line
// begins with label, the others are indented as far.
func printTrail(w io.Writer, label string, e *provision.Explanation) {
	step, result := len("verdict"), 0
	for _, s := range e.Steps {
		step, result = max(step, len(s.Step)), max(result, len(s.Result))
	}
	result = max(result, len(e.Verdict))
	indent := strings.Repeat(" ", len(label))
	row := func(a, b, text string) {
		head := fmt.Sprintf("%s%-*s  %-*s  ", label, step, a, result, b)
		for _, line := range wrap(text, trailWidth-len(head)) {
			fmt.Fprintln(w, strings.TrimRight(head+line, " "))
			head = strings.Repeat(" ", len(head))
		}
		label = indent
	}
	for _, s := range e.Steps {
		row(s.Step, s.Result, s.Detail)
	}
	row("verdict", e.Verdict, outcome(e))
}

// outcome is the verdict's sentence.
func outcome(e *provision.Explanation) string {
	if e.Reason != nil {
		status := 0
		if e.SIPStatus != nil {
			status = *e.SIPStatus
		}
		return fmt.Sprintf("SIP %d, reason %s", status, *e.Reason)
	}
	if e.Target == nil {
		return ""
	}
	text := "to " + e.Target.Name
	if e.Target.URI != nil {
		text += " at " + *e.Target.URI
	}
	return text
}

// wrap breaks text into lines of at most width characters where words allow it.
func wrap(text string, width int) []string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return []string{""}
	}
	lines := []string{words[0]}
	for _, word := range words[1:] {
		last := &lines[len(lines)-1]
		if len([]rune(*last))+1+len([]rune(word)) > width {
			lines = append(lines, word)
			continue
		}
		*last += " " + word
	}
	return lines
}
