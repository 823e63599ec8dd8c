package clean

const personalDoc = `Personal data is masked by a token, or its sentence is removed, or it stays, by kind: phone numbers of China (mobile, land line with area code, 400 and 800), ` +
	`e-mail addresses, identity numbers (18 digits whose check digit is right, 15 whose region and date are), bank cards (13 to 19 digits with a known prefix and Luhn's check), addresses of the Internet Protocol. ` +
	`Paper: nothing. No token is longer than what it stands for. Digits that the rule characters removed are not found.`

// kinds of personal data.
const (
	phone = iota
	email
	identity
	card
	address
	personalKinds
)

// personalNames are the kinds' names in counts, personalTokens what stands in their place.
var (
	personalNames  = [personalKinds]string{"phone", "email", "id", "card", "ip"}
	personalTokens = [personalKinds]string{"[PHONE]", "[MAIL]", "[ID]", "[CARD]", "[IP]"}
)

func personalRule(o PersonalOptions) rule {
	r := rule{Rule: Rule{Name: "personal", Version: 1, Level: levelCharacter, On: o.On, Doc: personalDoc}}
	if !o.On {
		return r
	}
	var p personal
	for kind, action := range [personalKinds]string{o.Phone, o.Email, o.ID, o.Card, o.IP} {
		p.mask[kind], p.remove[kind] = action == "mask", action == "sentence"
		p.removes = p.removes || p.remove[kind]
		p.wanted[kind] = p.mask[kind] || p.remove[kind]
	}
	r.run = p.run
	return r
}

type personal struct {
	mask, remove, wanted [personalKinds]bool
	removes              bool
}

// piece is personal data in a text.
type piece struct{ start, end, kind int }

func (p *personal) run(j *job) string {
	if p.removes {
		for i, field := range [...]*string{&j.t.Title, &j.t.Body} {
			if pieces := p.pieces(*field, p.remove); len(pieces) > 0 {
				p.drop(j, field, i == 0, pieces)
			}
		}
	}
	j.rewrite("personal", func(j *job, s string, edits []edit) []edit {
		var n [personalKinds]int
		for i := 0; ; {
			at, ok := p.next(s, i)
			if !ok {
				break
			}
			if i = at.end; p.mask[at.kind] {
				edits = append(edits, edit{at.start, at.end, personalTokens[at.kind]})
				n[at.kind]++
			}
		}
		for kind := range n {
			j.find(personalNames[kind], n[kind])
		}
		return edits
	})
	return ""
}

// pieces returns the personal data of the kinds that are asked for.
func (p *personal) pieces(s string, of [personalKinds]bool) []piece {
	var out []piece
	for i := 0; ; {
		at, ok := p.next(s, i)
		if !ok {
			return out
		}
		if i = at.end; of[at.kind] {
			out = append(out, at)
		}
	}
}

// drop removes the sentences that pieces lie in.
func (p *personal) drop(j *job, field *string, title bool, pieces []piece) {
	start := 0
	j.dropFrom("personal", field, title, func(s string) string {
		end := start + len(s)
		for len(pieces) > 0 && pieces[0].end <= start {
			pieces = pieces[1:]
		}
		start = end
		if len(pieces) == 0 || pieces[0].start >= end {
			return ""
		}
		name := personalNames[pieces[0].kind]
		j.find(name, 1)
		return name
	})
}

// interesting are the bytes at which next looks closer.
var interesting = func() (t [256]bool) {
	for b := '0'; b <= '9'; b++ {
		t[b] = true
	}
	t['@'], t[':'] = true, true
	return t
}()

// next finds the first personal data that begins at i or later, of whatever kind is wanted.
func (p *personal) next(s string, i int) (piece, bool) {
	floor := i
	for i < len(s) {
		b := s[i]
		if b >= 0xE0 && b < 0xF0 {
			i += 3
			continue
		}
		if !interesting[b] {
			i++
			continue
		}
		switch b {
		case '@':
			if start, end, ok := mailAt(s, floor, i); ok && p.wanted[email] {
				return piece{start, end, email}, true
			}
			i++
		case ':':
			if p.wanted[address] {
				if start, end, ok := addressAt(s, floor, i); ok {
					return piece{start, end, address}, true
				}
			}
			i++
		default:
			at, end := p.number(s, floor, i)
			if at.end > 0 {
				return at, true
			}
			i = end
		}
	}
	return piece{}, false
}

// number looks at the digits that begin at i. Where they are no personal data, end is behind them.
func (p *personal) number(s string, floor, i int) (found piece, end int) {
	g := groupsAt(s, i)
	end = g.end[0]
	if p.wanted[address] {
		if stop, ok := dotted(s, i); ok {
			return piece{i, stop, address}, stop
		}
	}
	if end-i < 3 && !(g.n > 1 && end-i == 2) || decimal(s, i, end) {
		return piece{}, end
	}
	if k := mailAhead(s, end); k > 0 {
		if start, stop, ok := mailAt(s, floor, k); ok {
			if !p.wanted[email] {
				return piece{}, stop
			}
			return piece{start, stop, email}, stop
		}
	}
	if kind, stop := longNumber(s, i, &g); stop > 0 {
		if !p.wanted[kind] {
			return piece{}, stop
		}
		return piece{i, stop, kind}, stop
	}
	if start, stop := phoneAt(s, floor, i, &g); stop > 0 {
		if !p.wanted[phone] {
			return piece{}, stop
		}
		return piece{start, stop, phone}, stop
	}
	return piece{}, end
}

// mailAhead returns where the @ stands behind the name that goes on at i, 0 where none does.
func mailAhead(s string, i int) int {
	k := i
	for k < len(s) && k-i <= 64 && isLocalByte(s[k]) {
		k++
	}
	if k < len(s) && s[k] == '@' {
		return k
	}
	return 0
}

// decimal tells whether the digits from i to end are a part of a number with a point: 3.1415926535897.
func decimal(s string, i, end int) bool {
	isDigit := func(k int) bool { return k >= 0 && k < len(s) && s[k] >= '0' && s[k] <= '9' }
	return i > 0 && s[i-1] == '.' && isDigit(i-2) || end < len(s) && s[end] == '.' && isDigit(end+1)
}
