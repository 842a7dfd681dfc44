//! Real nodes in networks that a test makes: behind routers, on a LAN, over bad links.
//!
//! Each test has networks of its own (`sandbox.rs`), in which it sees only its own devices. Packets between
//! them go through one thread of the test (`wire.rs`), which is the internet, the routers, the loss and the
//! delay. Needed: a kernel with user and network namespaces and `/dev/net/tun`, and the packages util-linux and
//! iproute2. `LORE_NETNS=required` makes their absence a failure.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_links;
mod guide;
mod moved;
mod nat;
mod packet;
mod reach;
mod sandbox;
mod tun;
mod two_routers;
mod wire;
mod world;
