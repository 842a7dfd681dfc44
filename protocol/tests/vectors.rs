//! The golden vectors: what the code writes, read again by a reader that knows the document alone.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../examples/vectors/inputs.rs"]
mod inputs;
#[allow(unreachable_pub)]
mod reader;
mod world;

use std::path::Path;

use reader::Reader;
use serde_json::Value;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn vectors(name: &str) -> Vec<Value> {
    serde_json::from_str(&read(&format!("vectors/{name}"))).unwrap()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} of {}", vector["name"]))
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(vector, field)).unwrap()
}

#[test]
fn the_code_writes_the_committed_vectors() {
    for (name, written) in inputs::files() {
        let committed = read(&format!("vectors/{name}"));
        assert!(
            committed == written,
            "{name}: the bytes have changed. When that is meant, write them again: cargo run -p \
             lore-protocol --example vectors -- write"
        );
    }
}

/// JSON leaves out an option without a value.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_tables_of_the_document_read_every_vector() {
    let mut reader = Reader::of(&read("../docs/protocol.md"));
    let files = ["numbers", "payloads", "lessons", "deltas", "admission", "wire", "library"];
    for vector in files.iter().flat_map(|name| vectors(&format!("{name}.json"))) {
        let (name, structure) = (text(&vector, "name"), text(&vector, "structure"));
        let all = bytes(&vector, "bytes");
        let mut rest = &all[..];
        let value = reader.read(structure, &mut rest);
        assert!(rest.is_empty(), "{structure}, {name}: {} bytes are left", rest.len());
        if !vector["value"].is_null() {
            let shown = without_nulls(&vector["value"]);
            assert_eq!(without_nulls(&value), shown, "{structure}, {name}");
        }
        let mut written = Vec::new();
        reader.write(structure, &value, &mut written);
        assert_eq!(written, all, "{structure}, {name}");
    }
    let unseen: Vec<String> = reader.all().difference(&reader.met).cloned().collect();
    assert!(unseen.is_empty(), "no vector shows {unseen:?}");
}

/// `H` of the document.
fn tagged(tag: &str, parts: &[Vec<u8>]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(tag.as_bytes()).chain(parts.iter().map(Vec::as_slice)) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// The hash of a trie, from its keys with what its leaves hold: recursion over sorted pairs, and no trie at all.
fn trie(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let nibble = |key: &[u8], at: usize| key[at / 2] >> (4 * (1 - at % 2)) & 15;
    let hash = match pairs {
        [] => return vec![0; 32],
        [(key, content)] => tagged("commonlore/trie-leaf/v1", &[key.clone(), content.clone()]),
        all => {
            let ends = |at: usize| all.iter().map(|(key, _)| nibble(key, at)).collect::<Vec<_>>();
            let at = (0..).find(|at| ends(*at).iter().any(|n| *n != ends(*at)[0])).unwrap();
            let mut branch = u16::try_from(at).unwrap().to_le_bytes().to_vec();
            for child in all.chunk_by(|(a, _), (b, _)| nibble(a, at) == nibble(b, at)) {
                branch.push(nibble(&child[0].0, at));
                branch.extend(trie(child));
            }
            tagged("commonlore/trie-branch/v1", &[branch])
        }
    };
    hex::decode(hash).unwrap()
}

/// Keys and contents of one part of a library, as the document's tables read and write them.
fn pairs(reader: &Reader, ty: &str, value: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let write = |ty: &str, value: &Value| {
        let mut bytes = Vec::new();
        reader.write(ty, value, &mut bytes);
        bytes
    };
    let key = |ty: &str, value: &Value| match ty {
        "(ItemId, u16)" => {
            let context = u16::try_from(value[1].as_u64().unwrap()).unwrap();
            [write("ItemId", &value[0]), context.to_be_bytes().to_vec()].concat()
        }
        _ => write(ty, value),
    };
    let content = |ty: &str, value: &Value| match ty {
        "Skill" => {
            let revisions = trie(&pairs(reader, "map of id to RevisionItem", &value["revisions"]));
            let lessons = trie(&pairs(reader, "set of id", &value["lessons"]));
            [revisions, lessons, write("map of u16 to id", &value["heads"])].concat()
        }
        _ => write(ty, value),
    };
    let items = value.as_array().unwrap().iter();
    match (ty.strip_prefix("set of "), ty.strip_prefix("map of ")) {
        (Some(inner), _) => items.map(|item| (key(inner, item), Vec::new())).collect(),
        (_, Some(of)) => {
            let (of, to) = of.split_once(" to ").unwrap();
            items.map(|pair| (key(of, &pair[0]), content(to, &pair[1]))).collect()
        }
        _ => panic!("no map or set: {ty}"),
    }
}

#[test]
fn roots_follow_the_document() {
    let mut reader = Reader::of(&read("../docs/protocol.md"));
    for vector in vectors("library.json") {
        let all = bytes(&vector, "bytes");
        let library = reader.read("Library", &mut &all[..]);
        let fields = reader.fields("Library");
        let (voices, maps) = fields.split_last().unwrap();
        let mut parts: Vec<Vec<u8>> =
            maps.iter().map(|(name, ty)| trie(&pairs(&reader, ty, &library[name]))).collect();
        let mut written = Vec::new();
        reader.write(&voices.1, &library[&voices.0], &mut written);
        parts.push(written);
        let root = tagged("commonlore/library/v1", &parts);
        assert_eq!(root, text(&vector, "root"), "{}", vector["name"]);
    }
}

fn assert_signed(vector: &Value) {
    let key = bytes(vector, "key").try_into().unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&bytes(vector, "signature")).unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    assert!(key.verify_strict(&bytes(vector, "bytes"), &signature).is_ok(), "{}", vector["name"]);
}

#[test]
fn ids_signatures_and_proofs_follow_the_document() {
    let federation = vectors("admission.json")[0]["value"]["text"].as_str().unwrap().to_owned();
    assert_eq!(federation, read("vectors/charter.toml"));
    for vector in vectors("ids.json") {
        match text(&vector, "rule") {
            "H" => {
                let parts = vector["parts"].as_array().unwrap().iter();
                let parts: Vec<Vec<u8>> =
                    parts.map(|part| hex::decode(part.as_str().unwrap()).unwrap()).collect();
                assert_eq!(tagged(text(&vector, "tag"), &parts), text(&vector, "id"));
            }
            "BLAKE3" => {
                let hash = blake3::hash(&bytes(&vector, "bytes")).to_hex();
                assert_eq!(hash.as_str(), text(&vector, "id"));
                assert_signed(&vector);
            }
            "invitation" => {
                let mut line = bytes(&vector, "bytes");
                let secret = line[line.len() - 34..line.len() - 2].to_vec();
                let message = [
                    line[..32].to_vec(),
                    bytes(&vector, "joiner"),
                    bytes(&vector, "joiner_nonce"),
                    bytes(&vector, "inviter_nonce"),
                ]
                .concat();
                let key = blake3::derive_key("commonlore invitation proof v1", &secret);
                let proof = blake3::keyed_hash(&key, &message).to_hex();
                assert_eq!(proof.as_str(), text(&vector, "id"));
                let sum = blake3::hash(&line);
                line.extend(&sum.as_bytes()[..4]);
                let line = data_encoding::BASE64URL_NOPAD.encode(&line);
                assert_eq!(format!("lore-invite-1-{line}"), text(&vector, "line"));
            }
            other => panic!("no rule {other}"),
        }
    }
}
