//! The shelf of a node, as its owner decides about it.

use crate::node::Node;

impl Node {
    /// Approves everything that waits for review, as its owner who read it. Returns the ids.
    ///
    /// # Panics
    /// Panics when it fails.
    pub fn approve_waiting(&self) -> Vec<String> {
        let review = self.json(&["review"]);
        let items = review["items"].as_array().into_iter().flatten();
        let ids: Vec<String> =
            items.filter_map(|item| item["id"].as_str().map(ToOwned::to_owned)).collect();
        if !ids.is_empty() {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            self.json(&[&["approve", "--yes"], &ids[..]].concat());
        }
        ids
    }
}
