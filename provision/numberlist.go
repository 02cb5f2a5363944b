package provision

import (
	"context"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// numberChunk is how many of an account's numbers are looked at in one go where
// few of many are asked for.
const numberChunk = 1000

type listNumbersInput struct {
	InAccount
	Query string            `query:"q" maxLength:"128" doc:"Only numbers that have this in their spelling or label, in any case." example:"reception"`
	Trunk directory.TrunkID `query:"trunk" maxLength:"64" doc:"Only numbers that go to this trunk."`
	Paging
}

func (s *Server) listNumbers(ctx context.Context, in *listNumbersInput) (*Listing[Number], error) {
	a, err := s.account(ctx, in.Account, numbersRead)
	if err != nil {
		return nil, err
	}
	list := strings.Join([]string{"numbers", string(a.ID), in.Query, string(in.Trunk)}, "\x00")
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	numbers := s.selectNumbers(a.ID, directory.NumberID(at.ID), in)
	return pageOf(s, list, Paging{Limit: in.Limit}, numbers, func(n *directory.InternalNumber) string { return string(n.ID) }, renderNumber)
}

// selectNumbers returns the numbers asked for behind a place, one more than a
// page has where there are. The view cuts the page: an account can have very many.
func (s *Server) selectNumbers(a directory.AccountID, after directory.NumberID, in *listNumbersInput) []*directory.InternalNumber {
	if in.Query == "" && in.Trunk == "" {
		return s.view.Numbers(a, after, in.Limit+1)
	}
	part := strings.ToLower(in.Query)
	var found []*directory.InternalNumber
	for {
		chunk := s.view.Numbers(a, after, numberChunk)
		for _, n := range chunk {
			if in.Trunk != "" && n.Trunk != in.Trunk || !strings.Contains(n.Number.String(), part) && !strings.Contains(strings.ToLower(n.Label), part) {
				continue
			}
			if found = append(found, n); len(found) > in.Limit {
				return found
			}
		}
		if len(chunk) < numberChunk {
			return found
		}
		after = chunk[len(chunk)-1].ID
	}
}
