//! The families, one a file. Each draws its quirk from the seed of the environment, so that nothing can
//! be hard-coded, and tells in its errors or help what a patient reader needs.

pub(crate) mod batches;
pub(crate) mod controls;
pub(crate) mod digest;
pub(crate) mod field;
pub(crate) mod flags;
pub(crate) mod format;
pub(crate) mod header;
pub(crate) mod lock;
pub(crate) mod moved;
pub(crate) mod order;
pub(crate) mod pages;
pub(crate) mod radix;
pub(crate) mod rehearsal;
pub(crate) mod remainder;
pub(crate) mod renamed;
pub(crate) mod service;
pub(crate) mod sorted;
pub(crate) mod stamp;
pub(crate) mod ticket;
pub(crate) mod trailer;
pub(crate) mod unit;
pub(crate) mod variable;
pub(crate) mod verdict;
pub(crate) mod workdir;
