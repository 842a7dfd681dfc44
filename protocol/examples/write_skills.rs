//! Writes skills with the strict writer: a JSON list of fields on standard input, a JSON list of texts
//! on standard output. `scripts/golden_skills.py` feeds the texts to the reference validator.

use std::collections::BTreeMap;
use std::io::Read as _;

use lore_protocol::skill::SkillMd;

#[derive(serde::Deserialize)]
struct Fields {
    name: String,
    description: String,
    license: Option<String>,
    compatibility: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    allowed_tools: Vec<String>,
    body: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let all: Vec<Fields> = serde_json::from_str(&input)?;
    let mut texts = Vec::new();
    for fields in all {
        let mut skill = SkillMd::new(fields.name.parse()?, fields.description, fields.body);
        skill.license = fields.license;
        skill.compatibility = fields.compatibility;
        skill.metadata = fields.metadata;
        skill.allowed_tools = fields.allowed_tools;
        texts.push(skill.write().map_err(|problems| format!("{problems:?}"))?);
    }
    println!("{}", serde_json::to_string(&texts)?);
    Ok(())
}
