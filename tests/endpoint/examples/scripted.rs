//! A scripted model for agents, by hand: each argument is a command line that it runs, one after the other.
//!
//! Prints its address, then each request as one line of JSON.

use lore_test_endpoint::Endpoint;
use lore_test_endpoint::agents::Step;

fn main() {
    let steps = std::env::args().skip(1).map(Step::Run).collect();
    let endpoint = Endpoint::of_steps(steps);
    println!("{}", endpoint.root());
    let mut shown = 0;
    loop {
        let seen = endpoint.seen();
        for request in &seen[shown..] {
            println!("{} {} {}", request.method, request.path, request.body);
        }
        shown = seen.len();
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
