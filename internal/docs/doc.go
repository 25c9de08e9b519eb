// Package docs tests that what the documentation says is so: links lead somewhere, examples work, and the packages and dependencies
// are those that the pages list.
package docs
