#![allow(clippy::unwrap_used, clippy::panic)]

mod book;
mod cases;

use crate::recognise::faulty_rows;

#[test]
fn every_row_of_the_recognisers_can_be_used() {
    assert_eq!(faulty_rows(), Vec::<&str>::new());
}
