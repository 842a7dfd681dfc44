//! `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use toml_edit::Value as TomlValue;

use super::Context;
use super::model_file::{self, PullArgs, ServeArgs};
use crate::decimal;
use crate::error::CliError;
use crate::models::{self, Change, Chosen, Recorded, Records};
use crate::output::{self, Progress, ProgressMode};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelVerb {
    /// List configured models and their tested abilities, and small models for this machine.
    List,
    /// Add or change a model in config.toml.
    Set(Box<SetArgs>),
    /// Test a model's abilities and record them.
    Test {
        /// Configured name, or a URL [default: the default model].
        name: Option<String>,
    },
    /// Download a small model for this machine: the official file, checked by its full hash.
    Pull(PullArgs),
    /// Serve a pulled model on 127.0.0.1 until this program is stopped.
    Serve(ServeArgs),
    /// Remove a model from config.toml.
    Remove {
        /// Name of the model.
        name: String,
        /// Delete the pulled file of this name instead.
        #[arg(long)]
        file: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Name of the model in config.toml.
    name: String,
    /// Base URL of the endpoint, up to and with `/v1`.
    #[arg(long)]
    url: Option<String>,
    /// Name of the model at the server.
    #[arg(long)]
    model: Option<String>,
    /// Protocol of the server.
    #[arg(long, value_parser = ["openai", "anthropic"])]
    dialect: Option<String>,
    /// Environment variable that holds the key. The key itself is never stored.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "key_file")]
    key_env: Option<String>,
    /// File of mode 0600 that holds the key.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Tokens of its context window, when the server does not give them.
    #[arg(long)]
    window: Option<u32>,
    /// US dollars for a million tokens read.
    #[arg(long, value_name = "USD", requires = "price_out")]
    price_in: Option<String>,
    /// US dollars for a million tokens written.
    #[arg(long, value_name = "USD", requires = "price_in")]
    price_out: Option<String>,
    /// Limit a reply to this many tokens.
    #[arg(long)]
    max_tokens: Option<u32>,
    /// Reasoning effort.
    #[arg(long, value_parser = ["low", "medium", "high"])]
    effort: Option<String>,
    /// Make it the default model.
    #[arg(long)]
    default: bool,
}

pub(super) fn model(context: &Context, verb: ModelVerb) -> Result<(), CliError> {
    match verb {
        ModelVerb::List => list(context),
        ModelVerb::Set(args) => set(context, &args),
        ModelVerb::Test { name } => test(context, name.as_deref()),
        ModelVerb::Pull(args) => model_file::pull(context, &args),
        ModelVerb::Serve(args) => model_file::serve(context, &args),
        ModelVerb::Remove { name, file: true } => model_file::remove(context, &name),
        ModelVerb::Remove { name, file: false } => {
            models::change(&context.home, &Change::Remove { name: &name })?;
            output::result(&json!({ "removed": name }), context.json, |_| format!("removed {name}"))
        }
    }
}

/// The output of `model list --json`.
#[derive(Serialize)]
struct Listed {
    models: Vec<Configured>,
    files: Vec<model_file::ModelFile>,
}

#[derive(Serialize)]
struct Configured {
    name: String,
    default: bool,
    url: String,
    model: String,
    dialect: &'static str,
    /// The source of the key, never the key.
    key: Option<String>,
    window_tokens: Option<u64>,
    price_micro_usd: Option<PriceEach>,
    max_tokens: Option<u32>,
    effort: Option<&'static str>,
    recorded: Option<Recorded>,
}

/// US dollars for a million tokens, in millionths.
#[derive(Serialize)]
struct PriceEach {
    r#in: u64,
    out: u64,
}

fn list(context: &Context) -> Result<(), CliError> {
    let config = models::config(&context.home)?;
    let records = Records::load(&context.home);
    let mut models = Vec::new();
    for (name, settings) in &config.models {
        let endpoint = settings.endpoint().map_err(CliError::usage)?;
        models.push(Configured {
            name: name.clone(),
            default: config.default_model.as_ref() == Some(name),
            url: endpoint.base().to_string(),
            model: endpoint.model().to_owned(),
            dialect: endpoint.dialect().name(),
            key: settings.key_source(),
            window_tokens: settings.window_tokens,
            price_micro_usd: settings
                .price
                .map(|price| PriceEach { r#in: price.input, out: price.output }),
            max_tokens: settings.max_tokens,
            effort: settings.effort.map(|effort| effort.name()),
            recorded: records.get(&endpoint).cloned(),
        });
    }
    let listed = Listed { models, files: model_file::list()? };
    output::result(&listed, context.json, |listed| {
        let mut text: String = listed.models.iter().map(Configured::text).collect();
        if listed.models.is_empty() {
            text.push_str(
                "no model is configured; add one with\n  lore model set NAME --url URL --model MODEL\n",
            );
        }
        text.push_str("small models for this machine:\n");
        text.extend(listed.files.iter().map(model_file::ModelFile::text));
        text
    })
}

impl Configured {
    fn text(&self) -> String {
        let default = if self.default { " (default)" } else { "" };
        let known = self
            .recorded
            .as_ref()
            .map_or_else(|| format!("not tested: lore model test {}", self.name), abilities);
        let key = self.key.as_ref().map(|key| format!(", key from {key}")).unwrap_or_default();
        format!(
            "{}{default}\n    {} at {} ({}{key})\n    {known}\n",
            self.name, self.model, self.url, self.dialect,
        )
    }
}

/// Its abilities in one line.
fn abilities(recorded: &Recorded) -> String {
    let able = |(name, able, _): &Ability| {
        let no = if *able { "" } else { "no " };
        format!("{no}{name}, ")
    };
    let all: String = abilities_of(recorded).iter().map(able).collect();
    let window = recorded.abilities.window_tokens;
    all + &window.map_or("window unknown".to_owned(), |tokens| format!("window {tokens}"))
}

/// Name, whether the endpoint has it, and what that means.
type Ability = (&'static str, bool, &'static str);

const fn abilities_of(recorded: &Recorded) -> [Ability; 5] {
    let found = &recorded.abilities;
    [
        ("streaming", found.streaming, "replies come in pieces"),
        ("usage", found.usage, "it reports how many tokens it used"),
        ("tools", found.tools, "it calls tools; without, the agent uses text mode"),
        ("json", found.json, "it writes JSON when asked to"),
        ("effort", found.effort, "it takes a reasoning effort"),
    ]
}

fn set(context: &Context, args: &SetArgs) -> Result<(), CliError> {
    let text = |value: &Option<String>| value.as_deref().map(TomlValue::from);
    let number = |value: Option<u32>| value.map(|number| TomlValue::from(i64::from(number)));
    let price = |flag: &str, value: &Option<String>| -> Result<Option<TomlValue>, CliError> {
        let Some(text) = value else { return Ok(None) };
        decimal::parse(flag, text, 6)?;
        let plain = if text.contains('.') { text.clone() } else { format!("{text}.0") };
        plain.parse().map(Some).map_err(CliError::usage)
    };
    let key_file = match &args.key_file {
        None => None,
        Some(path) => {
            let path = std::path::absolute(path).map_err(CliError::usage)?;
            let path = path.to_str().ok_or_else(|| CliError::usage("key_file is not UTF-8"))?;
            Some(TomlValue::from(path))
        }
    };
    let mut without = Vec::new();
    // The two exclude each other in the file too.
    if args.key_env.is_some() {
        without.push("key_file");
    }
    if key_file.is_some() {
        without.push("key_env");
    }
    let fields = [
        ("url", text(&args.url)),
        ("model", text(&args.model)),
        ("dialect", text(&args.dialect)),
        ("key_env", text(&args.key_env)),
        ("key_file", key_file),
        ("window", number(args.window)),
        ("price_in", price("--price-in", &args.price_in)?),
        ("price_out", price("--price-out", &args.price_out)?),
        ("max_tokens", number(args.max_tokens)),
        ("effort", text(&args.effort)),
    ];
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let change = Change::Set { name: &args.name, fields, without, default: args.default };
    let config = models::change(&context.home, &change)?;
    let default = config.default_model.as_ref() == Some(&args.name);
    let value = json!({
        "set": args.name,
        "default": default,
        "config": context.home.config_path(),
    });
    output::result(&value, context.json, |_| {
        format!("set {}\nnext: lore model test {0}", args.name)
    })
}

fn test(context: &Context, spec: Option<&str>) -> Result<(), CliError> {
    let chosen = models::resolve(&context.home, spec)?;
    let progress =
        Progress::start(ProgressMode::Auto, 0, format!("asking {} what it can do", chosen.label()));
    let found = models::test(&context.home, &chosen);
    progress.finish();
    let found = found?;
    let tested = Tested {
        name: chosen.name.clone(),
        url: chosen.endpoint.base().to_string(),
        model: chosen.endpoint.model().to_owned(),
        dialect: chosen.endpoint.dialect().name(),
        max_tokens: chosen.max_tokens,
        kept: found.kept,
        milliseconds: found.milliseconds,
        recorded: found.recorded,
    };
    output::result(&tested, context.json, |tested| table(&chosen, tested))
}

/// The output of `model test --json`.
#[derive(Serialize)]
struct Tested {
    name: Option<String>,
    url: String,
    model: String,
    dialect: &'static str,
    max_tokens: Option<u32>,
    kept: bool,
    milliseconds: u64,
    #[serde(flatten)]
    recorded: Recorded,
}

fn table(chosen: &Chosen, tested: &Tested) -> String {
    let mut text = format!("{} ({})\n", chosen.label(), tested.dialect);
    for (name, able, meaning) in abilities_of(&tested.recorded) {
        let word = if able { "yes" } else { "no" };
        text += &format!("  {name:10} {word:7} {meaning}\n");
    }
    let told = tested.recorded.abilities.window_tokens;
    let word = told.map_or("-".to_owned(), |tokens| tokens.to_string());
    text += &format!("  {:10} {word:7} tokens of its context window\n", "window");
    if told.is_none() && chosen.window_tokens.is_none() {
        text += "the server does not tell its window: `lore model set NAME --window TOKENS`\n";
    }
    if !tested.kept {
        text += "not kept: there is no node here (`lore init`)\n";
    }
    text
}
