// Package limit counts what is allowed.
package limit

import "errors"

// ErrFull says that no more is allowed.
var ErrFull = errors.New("full")

// Bucket allows a number of tokens.
type Bucket struct {
	left int
}

// New makes a bucket with n tokens.
func New(n int) *Bucket {
	return &Bucket{left: n}
}

// Take takes n tokens, or none.
func (b *Bucket) Take(n int) error {
	if n > b.left {
		return ErrFull
	}
	b.left -= n
	return nil
}

// Left is how many tokens are left.
func (b *Bucket) Left() int {
	return b.left
}
