//! A second reader of the protocol's bytes. It knows docs/protocol.md and nothing of this crate: it takes
//! the structures from the document's tables, and has numbers, strings and lists of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Description of a structure, from a table.
enum Shape {
    Fields(Vec<(String, String)>),
    Variants(Vec<(String, String)>),
}

/// The structures of the document, and which of them were met.
pub struct Reader {
    shapes: BTreeMap<String, Shape>,
    pub met: BTreeSet<String>,
}

fn split<'a>(list: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, c) in list.char_indices() {
        depth += i32::from(open.contains(c)) - i32::from(close.contains(c));
        if c == ',' && depth == 0 {
            parts.push(list[start..at].trim());
            start = at + 1;
        }
    }
    parts.push(list[start..].trim());
    parts
}

/// Key and value of `K to V`; a key is one word or one tuple.
fn key_and_value(text: &str) -> (&str, &str) {
    text.split_once(" to ").expect("a map has a value")
}

impl Reader {
    pub fn of(document: &str) -> Self {
        let structures = document.split("\n## Structures\n").nth(1).expect("the section is there");
        let mut shapes = BTreeMap::new();
        for section in structures.split("\n### `").skip(1) {
            let (name, rest) = section.split_once('`').unwrap();
            let rows = rest.lines().filter(|line| line.starts_with('|')).map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[1].to_owned(), cells[2].to_owned())
            });
            let mut rows: Vec<(String, String)> = rows.collect();
            let shape = if let Some((_, list)) = rest.split_once("In order: ") {
                let names = list.split('`').skip(1).step_by(2);
                Shape::Variants(names.map(|name| (name.to_owned(), String::new())).collect())
            } else {
                let heading = rows.remove(0).0;
                rows.remove(0);
                if heading == "field" { Shape::Fields(rows) } else { Shape::Variants(rows) }
            };
            shapes.insert(name.to_owned(), shape);
        }
        Self { shapes, met: BTreeSet::new() }
    }

    /// Names and types of a structure's fields.
    pub fn fields(&self, name: &str) -> Vec<(String, String)> {
        match &self.shapes[name] {
            Shape::Fields(fields) => fields.clone(),
            Shape::Variants(_) => panic!("{name} has variants"),
        }
    }

    /// Everything that a vector should show: structures and variants.
    pub fn all(&self) -> BTreeSet<String> {
        let names = self.shapes.iter().flat_map(|(name, shape)| match shape {
            Shape::Fields(_) => vec![name.clone()],
            Shape::Variants(all) => all.iter().map(|(v, _)| format!("{name}::{v}")).collect(),
        });
        names.collect()
    }

    /// Takes a value off the front of `bytes`.
    pub fn read(&mut self, ty: &str, bytes: &mut &[u8]) -> Value {
        match ty {
            "u8" => json!(take(bytes, 1)[0]),
            "bool" => json!(take(bytes, 1)[0] == 1),
            "u16" | "u32" | "u64" => json!(read_number(bytes)),
            "i64" => {
                let n = read_number(bytes);
                json!((n >> 1) as i64 ^ -((n & 1) as i64))
            }
            "count" => json!(i64::from_le_bytes(take(bytes, 8).try_into().unwrap())),
            "id" => json!(hex::encode(take(bytes, 32))),
            "signature" => json!(hex::encode(take(bytes, 64))),
            "short" => json!(hex::encode(take(bytes, 8))),
            "bytes" | "string" => {
                let length = read_number(bytes) as usize;
                let text = take(bytes, length);
                if ty == "bytes" {
                    json!(hex::encode(text))
                } else {
                    json!(str::from_utf8(text).unwrap())
                }
            }
            _ => self.read_compound(ty, bytes),
        }
    }

    fn read_compound(&mut self, ty: &str, bytes: &mut &[u8]) -> Value {
        if let Some(inner) = ty.strip_prefix("option of ") {
            return if take(bytes, 1)[0] == 0 { Value::Null } else { self.read(inner, bytes) };
        }
        if let Some(inner) = ty.strip_prefix("list of ").or_else(|| ty.strip_prefix("set of ")) {
            let length = read_number(bytes);
            return (0..length).map(|_| self.read(inner, bytes)).collect();
        }
        if let Some(pair) = ty.strip_prefix("map of ") {
            let (key, value) = key_and_value(pair);
            let length = read_number(bytes);
            return (0..length)
                .map(|_| json!([self.read(key, bytes), self.read(value, bytes)]))
                .collect();
        }
        if let Some(tuple) = ty.strip_prefix('(') {
            let parts = split(tuple.strip_suffix(')').unwrap(), "(", ")");
            return parts.into_iter().map(|part| self.read(part, bytes)).collect();
        }
        let (met, fields, variant) =
            match self.shapes.get(ty).unwrap_or_else(|| panic!("no `{ty}`")) {
                Shape::Fields(fields) => (ty.to_owned(), fields.clone(), None),
                Shape::Variants(all) => {
                    let (name, holds) = all[read_number(bytes) as usize].clone();
                    let fields = fields_of(&holds);
                    (format!("{ty}::{name}"), fields, Some((name, holds)))
                }
            };
        self.met.insert(met);
        match variant {
            None => self.read_fields(&fields, bytes),
            Some((name, holds)) if holds.is_empty() => json!(name),
            Some((name, holds)) if fields.is_empty() => json!({ name: self.read(&holds, bytes) }),
            Some((name, _)) => json!({ name: self.read_fields(&fields, bytes) }),
        }
    }

    fn read_fields(&mut self, fields: &[(String, String)], bytes: &mut &[u8]) -> Value {
        let read: Map<String, Value> =
            fields.iter().map(|(name, ty)| (name.clone(), self.read(ty, bytes))).collect();
        Value::Object(read)
    }

    /// Writes a value that [`Reader::read`] gave.
    pub fn write(&self, ty: &str, value: &Value, to: &mut Vec<u8>) {
        match ty {
            "u8" | "bool" => {
                to.push(value.as_u64().map_or_else(
                    || u8::from(value.as_bool().unwrap()),
                    |n| u8::try_from(n).unwrap(),
                ))
            }
            "u16" | "u32" | "u64" => write_number(value.as_u64().unwrap(), to),
            "i64" => {
                let n = value.as_i64().unwrap();
                write_number(((n << 1) ^ (n >> 63)) as u64, to);
            }
            "count" => to.extend(value.as_i64().unwrap().to_le_bytes()),
            "id" | "signature" | "short" => {
                to.extend(hex::decode(value.as_str().unwrap()).unwrap())
            }
            "bytes" | "string" => {
                let text = value.as_str().unwrap();
                let bytes = if ty == "bytes" { hex::decode(text).unwrap() } else { text.into() };
                write_number(bytes.len() as u64, to);
                to.extend(bytes);
            }
            _ => self.write_compound(ty, value, to),
        }
    }

    fn write_compound(&self, ty: &str, value: &Value, to: &mut Vec<u8>) {
        if let Some(inner) = ty.strip_prefix("option of ") {
            to.push(u8::from(!value.is_null()));
            if !value.is_null() {
                self.write(inner, value, to);
            }
            return;
        }
        if let Some(tuple) = ty.strip_prefix('(') {
            let parts = split(tuple.strip_suffix(')').unwrap(), "(", ")");
            parts.iter().enumerate().for_each(|(at, part)| self.write(part, &value[at], to));
            return;
        }
        let inner = ty.strip_prefix("list of ").or_else(|| ty.strip_prefix("set of "));
        let pair = ty.strip_prefix("map of ").map(key_and_value);
        if inner.is_some() || pair.is_some() {
            let items = value.as_array().unwrap();
            write_number(items.len() as u64, to);
            for item in items {
                if let Some((key, value)) = pair {
                    self.write(key, &item[0], to);
                    self.write(value, &item[1], to);
                }
                inner.iter().for_each(|inner| self.write(inner, item, to));
            }
            return;
        }
        let write_fields = |fields: &[(String, String)], value: &Value, to: &mut Vec<u8>| {
            fields.iter().for_each(|(name, ty)| self.write(ty, &value[name], to));
        };
        match &self.shapes[ty] {
            Shape::Fields(fields) => write_fields(fields, value, to),
            Shape::Variants(all) => {
                let held = value.as_object().and_then(|object| object.iter().next());
                let name = held.map_or_else(|| value.as_str().unwrap(), |(name, _)| name);
                let place = all.iter().position(|(known, _)| known == name).unwrap();
                write_number(place as u64, to);
                let (holds, held) = (&all[place].1, held.map_or(&Value::Null, |(_, held)| held));
                match &fields_of(holds)[..] {
                    [] if holds.is_empty() => {}
                    [] => self.write(holds, held, to),
                    fields => write_fields(fields, held, to),
                }
            }
        }
    }
}

/// The fields of `{name: type, ...}`; none for another text.
fn fields_of(holds: &str) -> Vec<(String, String)> {
    let inner = holds.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let fields = inner.map(|inner| split(inner, "(", ")")).unwrap_or_default();
    let named = fields.into_iter().map(|field| field.split_once(": ").unwrap());
    named.map(|(name, ty)| (name.to_owned(), ty.to_owned())).collect()
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn read_number(bytes: &mut &[u8]) -> u64 {
    let width = match take(bytes, 1)[0] {
        n @ 0..=250 => return u64::from(n),
        0xfb => 2,
        0xfc => 4,
        0xfd => 8,
        other => panic!("no number begins with {other}"),
    };
    let mut eight = [0; 8];
    eight[..width].copy_from_slice(take(bytes, width));
    u64::from_le_bytes(eight)
}

fn write_number(n: u64, to: &mut Vec<u8>) {
    let (mark, width) = match n {
        0..=250 => return to.push(n.to_le_bytes()[0]),
        251..=0xffff => (0xfb, 2),
        0x1_0000..=0xffff_ffff => (0xfc, 4),
        _ => (0xfd, 8),
    };
    to.push(mark);
    to.extend(&n.to_le_bytes()[..width]);
}
