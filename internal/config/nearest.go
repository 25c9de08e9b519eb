package config

import (
	"iter"
	"strings"
)

// nearest returns the one of known that word is most likely a slip of, or "".
func nearest(word string, known iter.Seq[string]) string {
	best, found := 1+max(1, len(word)/3), ""
	for candidate := range known {
		d := distance(strings.ToLower(word), candidate)
		if d < best || d == best && found != "" && candidate < found {
			best, found = d, candidate
		}
	}
	return found
}

// distance returns how many characters must be inserted, deleted or replaced to turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
