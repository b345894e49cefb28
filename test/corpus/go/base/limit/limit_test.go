package limit

import (
	"errors"
	"testing"
)

func TestTakeLeavesTheRest(t *testing.T) {
	b := New(5)
	if err := b.Take(2); err != nil {
		t.Fatalf("Take: %v", err)
	}
	if got := b.Left(); got != 3 {
		t.Errorf("Left = %d, want 3", got)
	}
}

func TestTakeTooMuchTakesNothing(t *testing.T) {
	b := New(1)
	if err := b.Take(2); !errors.Is(err, ErrFull) {
		t.Errorf("Take = %v, want ErrFull", err)
	}
	if got := b.Left(); got != 1 {
		t.Errorf("Left = %d, want 1", got)
	}
}
