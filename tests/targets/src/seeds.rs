//! Real encodings: the golden vectors of the protocol.

use serde_json::Value;

const FILES: [&str; 6] = [
    include_str!("../../../protocol/vectors/admission.json"),
    include_str!("../../../protocol/vectors/deltas.json"),
    include_str!("../../../protocol/vectors/lessons.json"),
    include_str!("../../../protocol/vectors/library.json"),
    include_str!("../../../protocol/vectors/payloads.json"),
    include_str!("../../../protocol/vectors/wire.json"),
];

/// The charter of the vectors.
pub(crate) const CHARTER: &str = include_str!("../../../protocol/vectors/charter.toml");

/// Vectors of a structure, at most `most`: short names of them, and their bytes.
pub(crate) fn vectors(structure: &str, most: usize) -> Vec<(String, Vec<u8>)> {
    let all = FILES.iter().flat_map(|file| {
        let file: Vec<Value> = serde_json::from_str(file).expect("a file of vectors");
        file
    });
    let of_it = all.filter(|vector| vector["structure"] == structure).take(most);
    let seed = |(place, vector): (usize, Value)| {
        let bytes = hex::decode(vector["bytes"].as_str().expect("bytes")).expect("hexadecimal");
        (format!("{}-{place:02}", structure.to_lowercase()), bytes)
    };
    of_it.enumerate().map(seed).collect()
}
