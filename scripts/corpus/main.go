package main

import (
	_ "codeberg.org/readeck/go-readability/v2"
	_ "github.com/PuerkitoBio/goquery"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	_ "github.com/corona10/goimagehash"
	_ "github.com/temoto/robotstxt"
	_ "github.com/yalue/onnxruntime_go"
	_ "golang.org/x/text/encoding/htmlindex"
	_ "github.com/gogs/chardet"
	_ "github.com/go-shiori/dom"
)

func main() {}
