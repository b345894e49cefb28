//! Ranges of whole numbers.

/// Whether two ranges, ends included, have a number in common.
pub fn overlap(a: (i64, i64), b: (i64, i64)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

/// How many numbers a range holds.
pub fn size(range: (i64, i64)) -> i64 {
    if range.1 < range.0 {
        return 0;
    }
    range.1 - range.0 + 1
}
