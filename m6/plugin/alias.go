package plugin

import (
	"errors"
	"fmt"
	"strings"
)

// withAliases writes into a StableHLO program, as text, which output takes the memory of an argument of its main function: GoMLX gives
// arguments away when it runs a program, but has no way to say what for.
func withAliases(program string, aliases map[int]int) (string, error) {
	const opening = "func.func @main("
	start := strings.Index(program, opening)
	if start < 0 {
		return program, errors.New("plugin: the program has no main function to say aliases in")
	}
	start += len(opening)
	var out strings.Builder
	out.WriteString(program[:start])
	rest, said := program[start:], 0
	for number := 0; ; number++ {
		n := argument(rest)
		text := rest[:n]
		if output, ok := aliases[number]; ok {
			text = withAttribute(text, fmt.Sprintf("tf.aliasing_output = %d : i32", output))
			said++
		}
		out.WriteString(text)
		rest = rest[n:]
		if !strings.HasPrefix(rest, ",") {
			break
		}
		out.WriteString(",")
		rest = rest[1:]
	}
	if said != len(aliases) {
		return program, fmt.Errorf("plugin: %d arguments have an alias, but only %d of them were found in the program", len(aliases), said)
	}
	out.WriteString(rest)
	return out.String(), nil
}

// argument is the length of the first argument's text: up to the comma behind it, or the parenthesis that ends the list.
func argument(text string) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("({[<", c) >= 0:
			depth++
		case depth == 0 && (c == ',' || c == ')'):
			return i
		case strings.IndexByte(")}]>", c) >= 0:
			depth--
		}
	}
	return len(text)
}

// withAttribute adds an attribute to an argument, `%x: tensor<2xf32> { a = b }`.
func withAttribute(argument, attribute string) string {
	text := strings.TrimRight(argument, " \n")
	if before, ok := strings.CutSuffix(text, "}"); ok {
		return strings.TrimRight(before, " \n") + ", " + attribute + " }"
	}
	return text + " { " + attribute + " }"
}
