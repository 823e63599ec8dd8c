package lab

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
)

// functionText is the text, without comments and in standard form, of the function that stands at a line of a file, and of every
// declaration of that file which it uses, directly or not. So a changed constant or called function shows as well.
func functionText(file string, line int, name string) (string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	root := findFunction(set, parsed, line, name)
	if root == nil {
		return "", fmt.Errorf("no function at %s:%d", file, line)
	}
	var out bytes.Buffer
	seen := map[ast.Node]bool{}
	queue := []ast.Node{root}
	for len(queue) > 0 {
		node := queue[0]
		queue = queue[1:]
		if seen[node] {
			continue
		}
		seen[node] = true
		if err := printer.Fprint(&out, set, node); err != nil {
			return "", err
		}
		out.WriteByte('\n')
		queue = append(queue, used(parsed, node)...)
	}
	return out.String(), nil
}

// findFunction is the declaration of that name at a line, or the function literal that begins last at or before it and holds it.
func findFunction(set *token.FileSet, file *ast.File, line int, name string) (found ast.Node) {
	holds := func(n ast.Node) bool { return set.Position(n.Pos()).Line <= line && line <= set.Position(n.End()).Line }
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == name && holds(n) {
				found = n
				return false
			}
		case *ast.FuncLit:
			if holds(n) {
				found = n
			}
		}
		return true
	})
	return found
}

// used are the top-level declarations of the file whose names occur in a node.
func used(file *ast.File, node ast.Node) (out []ast.Node) {
	names := map[string]bool{}
	ast.Inspect(node, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names[id.Name] = true
		}
		return true
	})
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if names[d.Name.Name] && d.Recv == nil && d.Name.Name != "main" {
				out = append(out, d)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if declares(spec, names) {
					out = append(out, spec)
				}
			}
		}
	}
	return out
}

// declares tells whether a spec of a const, var or type declaration gives one of the names.
func declares(spec ast.Spec, names map[string]bool) bool {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if names[n.Name] {
				return true
			}
		}
	case *ast.TypeSpec:
		return names[s.Name.Name]
	}
	return false
}
