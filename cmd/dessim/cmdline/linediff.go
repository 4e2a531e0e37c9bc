package cmdline

import (
	"strings"

	"dessim/sim/wording"
)

// lineDiff returns the lines of two texts in one list: with "- " before those of the first alone,
// "+ " before those of the second alone, and two blanks before those of both.
func lineDiff(a, b []string) (lines []string) {
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	end := 0
	for end < min(len(a), len(b))-same && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	lines = marked(lines, "  ", a[:same])
	lines = middleDiff(lines, a[same:len(a)-end], b[same:len(b)-end])
	return marked(lines, "  ", a[len(a)-end:])
}

func marked(lines []string, mark string, more []string) []string {
	for _, line := range more {
		lines = append(lines, mark+line)
	}
	return lines
}

// middleDiff appends the difference of two texts that begin and end differently. It keeps the
// most lines in common that it can, unless finding them would take long.
func middleDiff(lines, a, b []string) []string {
	const most = 1 << 22 // places of the table
	if len(a)*len(b) > most {
		return marked(marked(lines, "- ", a), "+ ", b)
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			lines = append(lines, "  "+a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return marked(marked(lines, "- ", a[i:]), "+ ", b[j:])
}

// isMarked reports whether a line of a difference is of one text alone.
func isMarked(line string) bool { return line[0] != ' ' }

// changed says how many lines differ.
func changed(diff []string) string {
	minus, plus := 0, 0
	for _, line := range diff {
		switch line[0] {
		case '-':
			minus++
		case '+':
			plus++
		}
	}
	if minus+plus == 0 {
		return "unchanged"
	}
	return wording.Count(max(minus, plus), "line") + " changed"
}

// outline returns of a difference the lines of one text alone, below the headings that they
// stand under: lines with less indent.
func outline(diff []string) (lines []string) {
	var headings []string // above the line, each with more indent than the one before
	for _, line := range diff {
		for len(headings) > 0 && indent(headings[len(headings)-1]) >= indent(line) {
			headings = headings[:len(headings)-1]
		}
		if isMarked(line) {
			lines = append(append(lines, headings...), line)
			headings = headings[:0]
		} else {
			headings = append(headings, line)
		}
	}
	return lines
}

// indent counts the blanks after the mark of a line.
func indent(line string) int { return len(line[1:]) - len(strings.TrimLeft(line[1:], " ")) }
