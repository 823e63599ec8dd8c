package m6

import "strings"

// LedgerRow is the number of parameters of one part of a model.
type LedgerRow struct {
	Part       string `json:"part"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
}

// Ledger counts parameters by part without allocating a weight. Total is the Transformer's own; the picture encoder, its running
// statistics left out, has a line of its own that Total leaves out.
type Ledger struct {
	Total   int64       `json:"total"`
	Parts   []LedgerRow `json:"parts"`
	Encoder int64       `json:"encoder"`
}

// ledgerParts name the parts by what a tensor's name begins with, or holds inside a block.
var ledgerParts = []struct{ part, prefix, inBlock string }{
	{"token embedding (tied with the output)", "embed.text.", ""},
	{"position, segment and norm of the embeddings", "embed.", ""},
	{"attention", "blocks.", ".attn."},
	{"feed-forward", "blocks.", ".ffn."},
	{"router", "blocks.", ".moe.router."},
	{"experts", "blocks.", ".moe.experts."},
	{"final norm", "final_norm.", ""},
	{"output", "output.", ""},
}

// Ledger counts the parameters of a config.
func (c Config) Ledger() Ledger {
	var l Ledger
	rows := make([]LedgerRow, len(ledgerParts))
	for _, p := range c.Params() {
		if isEncoder(p.Name) {
			if !p.Buffer {
				l.Encoder += int64(p.Size())
			}
			continue
		}
		for i, part := range ledgerParts {
			if strings.HasPrefix(p.Name, part.prefix) && strings.Contains(p.Name, part.inBlock) {
				rows[i].Part = part.part
				rows[i].Tensors++
				rows[i].Parameters += int64(p.Size())
				break
			}
		}
		l.Total += int64(p.Size())
	}
	for _, row := range rows {
		if row.Tensors > 0 {
			l.Parts = append(l.Parts, row)
		}
	}
	return l
}
