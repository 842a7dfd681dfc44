//! Parts and rows of datasets, by the datasets server of Hugging Face.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::hf_repo::parts_of;
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped};
use lore_agent::service::{Profile, TokenHeader};

pub(super) const PROFILE: Profile = Profile {
    name: "the Hugging Face datasets server",
    table: "agent.outside.huggingface",
    address: "datasets_server_url",
    token_header: TokenHeader::Bearer,
    token_page: Some("https://huggingface.co/settings/tokens"),
    headers: &[],
    forbidden: None,
};
pub(super) const BASE: &str = "https://datasets-server.huggingface.co";

/// Longest value of a row that is shown, in characters.
const VALUE_CHARS: usize = 1500;

/// A part that can be read.
#[derive(Debug, Deserialize)]
struct Split {
    config: String,
    split: String,
}

#[derive(Debug, Deserialize)]
struct Splits {
    splits: Vec<Split>,
    pending: Option<Vec<Value>>,
    failed: Option<Vec<Value>>,
}

async fn splits_of(service: &Service, dataset: &str) -> Result<Splits, OutsideError> {
    service.json(Request::get(&["splits"]).query("dataset", dataset)).await
}

/// The name of a dataset, checked.
fn checked(dataset: &str) -> Result<&str, OutsideError> {
    parts_of(dataset).map(|_| dataset.trim())
}

/// `hf_dataset_parts`.
pub(super) struct Parts;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartsArguments {
    /// `owner/name`.
    dataset: String,
}

#[derive(Debug, Deserialize)]
struct Sizes {
    size: SizeOf,
}

#[derive(Debug, Deserialize)]
struct SizeOf {
    splits: Vec<SplitSize>,
}

#[derive(Debug, Deserialize)]
struct SplitSize {
    config: String,
    split: String,
    num_rows: Option<u64>,
    num_columns: Option<u64>,
    num_bytes_parquet_files: Option<u64>,
}

impl Operation for Parts {
    type Arguments = PartsArguments;
    const NAME: &'static str = "hf_dataset_parts";
    const DESCRIPTION: &'static str =
        "Configurations and splits of a Hugging Face dataset, with rows and sizes where known.";

    async fn run(&self, service: &Service, asked: PartsArguments) -> Result<Found, OutsideError> {
        let dataset = checked(&asked.dataset)?;
        let splits = splits_of(service, dataset).await?;
        // Sizes are known later than splits, so doing without is no failure.
        let sizes: Option<Sizes> =
            service.json(Request::get(&["size"]).query("dataset", dataset)).await.ok();
        let mut found = Found::new();
        found.line(format!("{dataset}: {} splits", splits.splits.len()));
        for part in &splits.splits {
            found.line(format!("- config {}, split {}", part.config, part.split));
            let same = |size: &&SplitSize| size.config == part.config && size.split == part.split;
            if let Some(size) = sizes.iter().flat_map(|sizes| &sizes.size.splits).find(same) {
                found.field("rows", size.num_rows);
                found.field("columns", size.num_columns);
                found.field("bytes as parquet", size.num_bytes_parquet_files);
            }
        }
        let unready = |list: &Option<Vec<Value>>| list.as_ref().map_or(0, Vec::len);
        let (pending, failed) = (unready(&splits.pending), unready(&splits.failed));
        if pending + failed > 0 {
            found.more(format!("{pending} configurations are not ready yet, {failed} failed"));
        }
        Ok(found)
    }
}

/// `hf_dataset_rows`.
pub(super) struct Rows;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsArguments {
    /// `owner/name`.
    dataset: String,
    /// Configuration; the first that is there when absent.
    config: Option<String>,
    /// Split; `train`, or the first, when absent.
    split: Option<String>,
    /// Only rows with these words in a column of text.
    query: Option<String>,
    /// Only rows for which this holds, such as `"label"=1 AND "length">10`.
    filter: Option<String>,
    /// Number of rows to skip.
    offset: Option<u64>,
    /// Number of rows, 5 when absent.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Page {
    features: Vec<Feature>,
    rows: Vec<Row>,
    num_rows_total: Option<u64>,
    #[serde(default)]
    partial: bool,
}

#[derive(Debug, Deserialize)]
struct Feature {
    name: String,
    #[serde(rename = "type")]
    kind: Value,
}

#[derive(Debug, Deserialize)]
struct Row {
    row_idx: u64,
    row: serde_json::Map<String, Value>,
    #[serde(default)]
    truncated_cells: Vec<String>,
}

impl Feature {
    /// `text: string`, `label: ClassLabel`.
    fn show(&self) -> String {
        let of = |key: &str| self.kind.get(key).and_then(Value::as_str);
        let kind = of("dtype").or_else(|| of("_type")).unwrap_or("nested");
        format!("{}: {kind}", self.name)
    }
}

impl Operation for Rows {
    type Arguments = RowsArguments;
    const NAME: &'static str = "hf_dataset_rows";
    const DESCRIPTION: &'static str =
        "Rows of a Hugging Face dataset without downloading it, also by words or by a condition.";

    async fn run(&self, service: &Service, asked: RowsArguments) -> Result<Found, OutsideError> {
        let dataset = checked(&asked.dataset)?;
        if asked.query.is_some() && asked.filter.is_some() {
            return Err(OutsideError::argument("give query or filter, not both"));
        }
        let part = part_of(service, dataset, asked.config, asked.split).await?;
        let offset = asked.offset.unwrap_or(0);
        let limit = asked.limit.unwrap_or(5).clamp(1, 100);
        let way = match (&asked.query, &asked.filter) {
            (Some(_), _) => "search",
            (_, Some(_)) => "filter",
            _ => "rows",
        };
        let request = Request::get(&[way])
            .query("dataset", dataset)
            .query("config", &part.config)
            .query("split", &part.split)
            .query_some("query", asked.query)
            .query_some("where", asked.filter)
            .query("offset", offset)
            .query("length", limit);
        let page: Page = service.json(request).await?;
        Ok(show(dataset, &part, &page, offset))
    }
}

/// The part that is meant, asked of the service where it is not said.
async fn part_of(
    service: &Service,
    dataset: &str,
    config: Option<String>,
    split: Option<String>,
) -> Result<Split, OutsideError> {
    if let (Some(config), Some(split)) = (&config, &split) {
        return Ok(Split { config: config.clone(), split: split.clone() });
    }
    let there = splits_of(service, dataset).await?.splits;
    let fits = |part: &&Split| {
        config.as_ref().is_none_or(|config| *config == part.config)
            && split.as_ref().is_none_or(|split| *split == part.split)
    };
    let fitting: Vec<&Split> = there.iter().filter(fits).collect();
    let first = fitting.first().ok_or_else(|| {
        let known = there.iter().map(|part| format!("{}/{}", part.config, part.split));
        let known = known.take(40).collect::<Vec<_>>().join(", ");
        OutsideError::argument(format!("{dataset} has no such part; there are: {known}"))
    })?;
    // Within the first configuration, what most sets are trained on.
    let train = fitting.iter().find(|part| part.config == first.config && part.split == "train");
    let chosen = train.unwrap_or(first);
    Ok(Split { config: chosen.config.clone(), split: chosen.split.clone() })
}

fn show(dataset: &str, part: &Split, page: &Page, offset: u64) -> Found {
    let mut found = Found::new();
    let total = page.num_rows_total.map_or(String::new(), |total| format!(" of {total}"));
    let shown = page.rows.len();
    found.line(format!(
        "{dataset}, config {}, split {}: {shown} rows{total}",
        part.config, part.split
    ));
    let columns: Vec<String> = page.features.iter().map(Feature::show).collect();
    found.line(format!("columns: {}", columns.join(", ")));
    for row in &page.rows {
        found.line(format!("- row {}", row.row_idx));
        for (name, value) in &row.row {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let cut = if row.truncated_cells.contains(name) { " (cut by the server)" } else { "" };
            found.field(name, Some(format!("{}{cut}", clipped(&text, VALUE_CHARS))));
        }
    }
    let next = offset + shown as u64;
    let rest = page.num_rows_total.is_some_and(|total| next < total);
    match (rest, page.partial) {
        (true, false) => found.more(format!("more with offset {next}")),
        (true, true) => found.more(format!("more with offset {next}; only a part is indexed")),
        (false, true) => found.more("only a part of the dataset is indexed"),
        (false, false) => {}
    }
    found
}
