use ranges::{overlap, size};

#[test]
fn neighbours_do_not_overlap() {
    assert!(!overlap((1, 2), (3, 4)));
    assert!(overlap((1, 3), (3, 4)));
}

#[test]
fn a_range_holds_its_ends() {
    assert_eq!(size((1, 3)), 3);
    assert_eq!(size((3, 1)), 0);
}
