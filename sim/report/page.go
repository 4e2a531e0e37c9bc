package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"reflect"

	"dessim/sim/check"
	"dessim/sim/history"
)

//go:embed page/*.js page/*.css
var page embed.FS

// scripts are the files of the script, in the order in which each needs those before it.
var scripts = []string{
	"decode.js", "causality.js", "states.js", "search.js", "highlight.js", "words.js", "view.js", "figures.js", // the data, without a browser
	"dom.js", "theme.js", "ink.js", "arrows.js", "marks.js", "density.js", "minimap.js", "faults.js", "picture.js", "hit.js", "gutter.js",
	"turns.js", "selected.js", "state_panel.js", "evidence.js", "plots.js", "lists.js", "keys.js", "splitter.js", "shell.js", "opening.js", "app.js", "main.js",
}

// version of the data. The script refuses another.
const version = 1

const doctype = "<!DOCTYPE html>"

// IsPage reports whether text begins as a page does.
func IsPage(text []byte) bool { return bytes.HasPrefix(text, []byte(doctype)) }

// Write writes the page of one run, or of two that a reader compares: the first is shown. The
// error is that of w.
func Write(w io.Writer, title string, runs ...*Run) error {
	style, script := file("style.css"), ""
	for _, name := range scripts {
		script += file(name)
	}
	data, err := pack(struct {
		Version int    `json:"version"`
		Title   string `json:"title"`
		Runs    []*Run `json:"runs"`
	}{version, title, runs})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, doctype+`
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>%s</style>
</head>
<body>
<main id="static">
`, hash(script), hash(style), html.EscapeString(history.Cut(title)), style)
	for _, r := range runs {
		r.summarize(&b)
	}
	fmt.Fprintf(&b, "</main>\n<script type=\"text/plain\" id=\"page\">%s</script>\n<script>%s</script>\n</body>\n</html>\n", data, script)
	_, err = w.Write(b.Bytes())
	return err
}

// file returns a file of the page.
func file(name string) string {
	b, err := page.ReadFile("page/" + name)
	if err != nil {
		panic(fmt.Sprintf("report: %v", err)) // it is embedded
	}
	return string(b)
}

// hash returns the hash of a script or style as a security policy has it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// pack returns v as JSON, compressed and in base64.
func pack(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(b); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

// fill makes nil slices in the struct v empty ones, which JSON has as lists.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Slice:
			if f.IsNil() {
				f.Set(reflect.MakeSlice(f.Type(), 0, 0))
			}
			if f.Type().Elem().Kind() == reflect.Struct {
				for j := range f.Len() {
					fill(f.Index(j))
				}
			}
		case reflect.Struct:
			fill(f)
		case reflect.Pointer:
			if !f.IsNil() {
				fill(f.Elem())
			}
		}
	}
}

// summarize writes what a browser without scripts shows of a run.
func (r *Run) summarize(b *bytes.Buffer) {
	line := func(tag, text string) {
		if text != "" {
			fmt.Fprintf(b, "<%s>%s</%s>\n", tag, html.EscapeString(history.Cut(text)), tag)
		}
	}
	label := ""
	if r.Label != "" {
		label = " (" + r.Label + ")"
	}
	line("h1", fmt.Sprintf("%s: scenario %s, seed %s%s", r.Verdict, r.Scenario, r.Seed, label))
	line("pre", r.Command)
	line("p", r.Failure)
	b.WriteString("<table>\n<tr><th scope=\"col\">check</th><th scope=\"col\">verdict</th><th scope=\"col\">exercised</th><th scope=\"col\">detail</th></tr>\n")
	for _, c := range r.Checks {
		b.WriteString("<tr>")
		detail := c.Detail
		if c.Verdict == string(check.Violation) && c.Step > 0 {
			detail = fmt.Sprintf("step %d: %s", c.Step, detail)
		}
		for _, cell := range []string{c.Name, c.Verdict, fmt.Sprint(c.Exercised), detail} {
			fmt.Fprintf(b, "<td>%s</td>", html.EscapeString(history.Cut(cell)))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>\n")
	for _, s := range r.Story {
		line("p", s)
	}
	line("p", "digest "+r.Digest)
}
