package clean

import (
	"net/netip"
	"strings"
)

// groups are up to 6 groups of digits, parted by one blank or hyphen each.
type groups struct {
	n          int
	start, end [6]int
}

// groupsAt reads the groups from a digit on.
func groupsAt(s string, i int) groups {
	var g groups
	for g.n < len(g.start) {
		g.start[g.n] = i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		g.end[g.n] = i
		g.n++
		if i+1 >= len(s) || s[i] != ' ' && s[i] != '-' || s[i+1] < '0' || s[i+1] > '9' {
			break
		}
		i++
	}
	return g
}

// sizes tells whether the groups begin with groups of these sizes.
func (g *groups) sizes(want ...int) bool {
	if g.n < len(want) {
		return false
	}
	for k, n := range want {
		if g.end[k]-g.start[k] != n {
			return false
		}
	}
	return true
}

// longNumber tells whether the digits at i are an identity number or a bank card, and where that ends; 0 where they are none.
func longNumber(s string, i int, g *groups) (kind, end int) {
	if i > 0 && isWordByte(s[i-1]) {
		return 0, 0
	}
	end = g.end[0]
	free := end == len(s) || !isWordByte(s[end])
	switch n := end - i; {
	case n == 17 && !free && s[end]|0x20 == 'x' && (end+1 == len(s) || !isWordByte(s[end+1])) && isIdentity(s[i:end+1]):
		return identity, end + 1
	case !free:
		return 0, 0
	case n == 18 && isIdentity(s[i:end]), n == 15 && isOldIdentity(s[i:end]):
		return identity, end
	case n >= 13 && n <= 19 && isCard(s[i:end]):
		return card, end
	}
	for k := g.n - 1; k > 0; k-- {
		end = g.end[k]
		if size := end - i - k; size < 13 || size > 19 || end < len(s) && isWordByte(s[end]) || !cardGroups(g, k+1) {
			continue
		}
		if isCard(strings.NewReplacer(" ", "", "-", "").Replace(s[i:end])) {
			return card, end
		}
	}
	return 0, 0
}

// cardGroups tells whether n groups are how cards are printed: groups of four and a rest, 4-6-5, or 6 and a rest.
func cardGroups(g *groups, n int) bool {
	if n == 3 && g.sizes(4, 6, 5) || n == 2 && g.sizes(6) {
		return true
	}
	for k := range n - 1 {
		if g.end[k]-g.start[k] != 4 {
			return false
		}
	}
	return n >= 4 && g.end[n-1]-g.start[n-1] <= 4
}

// isCard tells whether digits have the prefix and the length of a card's number, and Luhn's check digit.
func isCard(d string) bool {
	n := len(d)
	known := false
	switch {
	case strings.HasPrefix(d, "62"), strings.HasPrefix(d, "60"), strings.HasPrefix(d, "64"), strings.HasPrefix(d, "65"), strings.HasPrefix(d, "9558"):
		known = n >= 16
	case d[0] == '4':
		known = n == 13 || n == 16 || n == 19
	case d[0] == '5' && d[1] >= '1' && d[1] <= '5', d[:4] >= "2221" && d[:4] <= "2720":
		known = n == 16
	case strings.HasPrefix(d, "34"), strings.HasPrefix(d, "37"):
		known = n == 15
	case strings.HasPrefix(d, "35"):
		known = n == 16
	case strings.HasPrefix(d, "36"), strings.HasPrefix(d, "38"), strings.HasPrefix(d, "30"):
		known = n == 14
	}
	if !known {
		return false
	}
	sum := 0
	for k := range n {
		v := int(d[n-1-k] - '0')
		if k%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// regions are the first two digits of identity numbers.
var regions = func() (t [100]bool) {
	for _, r := range []int{11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65,
		71, 81, 82, 83, 91} {
		t[r] = true
	}
	return t
}()

// isIdentity tells whether 18 characters are an identity number: region, date of birth, and the check digit of ISO 7064 (MOD 11-2).
func isIdentity(d string) bool {
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	if !regions[decimalOf(d[:2])] || !isDate(decimalOf(d[6:10]), decimalOf(d[10:12]), decimalOf(d[12:14])) {
		return false
	}
	sum := 0
	for k, w := range weights {
		sum += int(d[k]-'0') * w
	}
	last := d[17]
	if last == 'x' {
		last = 'X'
	}
	return "10X98765432"[sum%11] == last
}

// isOldIdentity tells whether 15 digits are an identity number as issued until 1999; they have no check digit.
func isOldIdentity(d string) bool {
	return regions[decimalOf(d[:2])] && isDate(1900+decimalOf(d[6:8]), decimalOf(d[8:10]), decimalOf(d[10:12]))
}

func decimalOf(d string) int {
	n := 0
	for k := range len(d) {
		n = 10*n + int(d[k]-'0')
	}
	return n
}

// isDate tells whether a day was or may be someone's birthday.
func isDate(year, month, day int) bool {
	days := [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	if year < 1850 || year > 2099 || month < 1 || month > 12 {
		return false
	}
	last := days[month]
	if month == 2 && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
		last = 29
	}
	return day >= 1 && day <= last
}

// phoneAt tells whether a phone number begins with the digits at i, and from where (a + or bracket before them) to where; 0 where none does.
func phoneAt(s string, floor, i int, g *groups) (start, end int) {
	start = i
	if i > floor && s[i-1] == '+' {
		start--
	}
	if i > floor+1 && (s[i-1] == ' ' || s[i-1] == '-') && s[i-2] >= '0' && s[i-2] <= '9' {
		one := groups{n: 1} // the digits go on from others: only a group that is a number by itself counts
		one.start[0], one.end[0] = g.start[0], g.end[0]
		g = &one
	}
	at := func(k int) string { return s[g.start[k]:g.end[k]] }
	mobile := func(d string) bool { return len(d) >= 3 && d[0] == '1' && d[1] >= '3' }
	area := func(d string) bool { return len(d) >= 3 && d[0] == '0' && d[1] != '0' }
	first, n := at(0), len(at(0))
	switch {
	case n == 11 && mobile(first), n == 13 && first[:2] == "86" && mobile(first[2:]), n == 15 && first[:4] == "0086" && mobile(first[4:]):
		return start, g.end[0]
	case g.sizes(3, 4, 4) && mobile(first):
		return start, g.end[2]
	case first == "86" || first == "0086":
		rest := groups{n: g.n - 1}
		copy(rest.start[:], g.start[1:])
		copy(rest.end[:], g.end[1:])
		switch {
		case rest.n == 0:
		case rest.sizes(11) && mobile(at(1)):
			return start, g.end[1]
		case rest.sizes(3, 4, 4) && mobile(at(1)):
			return start, g.end[3]
		case rest.n > 1 && len(at(1)) >= 2 && len(at(1)) <= 4 && (len(at(2)) == 7 || len(at(2)) == 8):
			return start, g.end[2]
		}
	case (n == 11 || n == 12) && area(first):
		return start, g.end[0]
	case (n == 3 || n == 4) && area(first):
		return areaPhone(s, floor, start, i, g)
	case first == "400" || first == "800":
		if g.sizes(3, 3, 4) || g.sizes(3, 4, 3) {
			return start, g.end[2]
		}
		if g.sizes(3, 7) {
			return start, g.end[1]
		}
	case n == 10 && (first[:3] == "400" || first[:3] == "800"):
		return start, g.end[0]
	}
	return 0, 0
}

// areaPhone reads a land line from its area code on: 010-12345678, 0571 8765 4321, (010)12345678, with an extension behind a hyphen.
func areaPhone(s string, floor, start, i int, g *groups) (int, int) {
	end := 0
	switch {
	case g.n > 1 && (g.end[1]-g.start[1] == 7 || g.end[1]-g.start[1] == 8):
		end = g.end[1]
	case g.n > 2 && (g.end[1]-g.start[1] == 3 || g.end[1]-g.start[1] == 4) && g.end[2]-g.start[2] == 4:
		end = g.end[2]
	default:
		var open int
		var shut string
		switch {
		case i > floor && s[i-1] == '(':
			open, shut = i-1, ")"
		case i >= floor+3 && s[i-3:i] == "（":
			open, shut = i-3, "）"
		default:
			return 0, 0
		}
		rest := s[g.end[0]:]
		if !strings.HasPrefix(rest, shut) {
			return 0, 0
		}
		k := g.end[0] + len(shut)
		if k < len(s) && (s[k] == ' ' || s[k] == '-') {
			k++
		}
		if k == len(s) || s[k] < '0' || s[k] > '9' {
			return 0, 0
		}
		local := groupsAt(s, k)
		switch {
		case local.sizes(7) || local.sizes(8):
			return open, local.end[0]
		case local.sizes(4, 4) || local.sizes(3, 4):
			return open, local.end[1]
		}
		return 0, 0
	}
	if end+1 < len(s) && s[end] == '-' {
		ext := end + 1
		for ext < len(s) && s[ext] >= '0' && s[ext] <= '9' {
			ext++
		}
		if n := ext - end - 1; n >= 1 && n <= 6 {
			end = ext
		}
	}
	return start, end
}

func isLocalByte(b byte) bool {
	return isWordByte(b) || b == '.' || b == '_' || b == '%' || b == '+' || b == '-'
}

// mailAt reads the address around the @ at i; its name begins at floor or later.
func mailAt(s string, floor, i int) (start, end int, ok bool) {
	start = i
	for start > floor && i-start <= 64 && isLocalByte(s[start-1]) {
		start--
	}
	for start < i && s[start] == '.' {
		start++
	}
	if start == i || i-start > 64 || s[i-1] == '.' {
		return 0, 0, false
	}
	end = i + 1
	last, labels := end, 0 // where the last label begins
	for end < len(s) && end-i <= 255 {
		switch b := s[end]; {
		case isWordByte(b) || b == '-' && end > last:
			end++
			continue
		case b == '.' && end > last && end+1 < len(s) && isWordByte(s[end+1]):
			labels++
			end++
			last = end
			continue
		}
		break
	}
	for end > last && s[end-1] == '-' {
		end--
	}
	if labels == 0 || end-last < 2 {
		return 0, 0, false
	}
	for k := last; k < end; k++ {
		if !isASCIILetter(s[k]) {
			return 0, 0, false
		}
	}
	return start, end, true
}

// dotted reads an address of version 4 at i.
func dotted(s string, i int) (end int, ok bool) {
	if i > 0 && (isWordByte(s[i-1]) || s[i-1] == '.') {
		return 0, false
	}
	end = i
	for end < len(s) && end-i < 16 && (s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	end -= len(s[i:end]) - len(strings.TrimRight(s[i:end], "."))
	if end < len(s) && isWordByte(s[end]) {
		return 0, false
	}
	a, err := netip.ParseAddr(s[i:end])
	return end, err == nil && a.Is4()
}

// addressAt reads the address of version 6 around the colon at i.
func addressAt(s string, floor, i int) (start, end int, ok bool) {
	is := func(b byte) bool {
		return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f' || b == ':' || b == '.'
	}
	start, end = i, i
	for start > floor && i-start < 48 && is(s[start-1]) {
		start--
	}
	for end < len(s) && end-i < 48 && is(s[end]) {
		end++
	}
	if start > 0 && isWordByte(s[start-1]) || end < len(s) && isWordByte(s[end]) {
		return 0, 0, false
	}
	for end > start && s[end-1] == '.' {
		end--
	}
	if end-start < 6 || !strings.ContainsAny(s[start:end], "0123456789") {
		return 0, 0, false
	}
	a, err := netip.ParseAddr(s[start:end])
	return start, end, err == nil && a.Is6()
}
