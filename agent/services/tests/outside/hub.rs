//! The Hugging Face Hub: documentation, models, datasets and their rows, files.

use serde_json::json;

use crate::support::{TOKEN, fails, text, tools};
use lore_test_endpoint::{Endpoint, answer, json as says};

#[tokio::test]
async fn documentation_is_searched_and_read() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/api/docs/search" => says(
            r#"[{"text":"Use SFTTrainer to train.","product":"trl","heading1":"SFT Trainer",
                "heading2":"Quick start","source_page_url":"https://huggingface.co/docs/trl/sft_trainer#quick",
                "source_page_title":"SFT"},
               {"text":"Other","product":"trl","source_page_url":null}]"#,
        ),
        "/docs/trl/sft_trainer.md" => answer(200, "text/markdown", "# SFT\n\ntext\n"),
        "/docs/old/page.md" => answer(404, "text/html", ""),
        "/docs/old/page" => answer(
            200,
            "text/html; charset=utf-8",
            "<html><head><script>x()</script></head><body><h1>Old</h1><p>An <b>old</b> page.</p>",
        ),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let arguments = json!({"query": "sft", "product": "trl", "limit": 1});
    let found = text(&tools, "hf_docs_search", arguments).await;
    assert!(found.contains("2 excerpts, 1 shown") && found.contains("- SFT Trainer [trl]"));
    assert!(found.contains("section: Quick start") && found.contains("Use SFTTrainer"), "{found}");
    assert_eq!(server.one().field("product"), Some("trl"));
    for page in ["trl/sft_trainer", "https://huggingface.co/docs/trl/sft_trainer#quick"] {
        // The address of the real service is another host here.
        if page.starts_with("https") {
            fails(&tools, "hf_docs_read", json!({"page": page}), "argument").await;
        } else {
            let read = text(&tools, "hf_docs_read", json!({"page": page})).await;
            assert!(read.contains("lines 1 to 3:\n# SFT\n\ntext"), "{read}");
        }
    }
    let old = text(&tools, "hf_docs_read", json!({"page": "old/page"})).await;
    assert!(old.contains("Old") && old.contains("page."), "{old}");
    assert!(!old.contains("x()") && !old.contains("<p>"), "{old}");
    fails(&tools, "hf_docs_read", json!({"page": "../api/whoami-v2"}), "argument").await;
}

#[tokio::test]
async fn models_and_datasets_are_searched_and_described() {
    let model = r#"{"_id":"1","id":"o/m","sha":"abc","downloads":10,"likes":2,"gated":"manual",
        "private":false,"pipeline_tag":"text-generation","library_name":"transformers",
        "tags":["gguf","license:mit"],"lastModified":"2025-11-01T00:00:00.000Z",
        "createdAt":"2025-10-01T00:00:00.000Z","cardData":{"license":"mit","base_model":["o/b","o/c"],
        "datasets":null},"siblings":[{"rfilename":"README.md"},{"rfilename":"model.gguf"}],
        "safetensors":{"parameters":{"BF16":7},"total":7}}"#;
    let server = Endpoint::start(move |_, seen| match seen.path.as_str() {
        "/api/models" | "/api/datasets" => says(&format!("[{model},{{\"id\":\"o/bare\"}}]")),
        "/api/models/o/m" | "/api/models/gpt2" | "/api/datasets/o/d/revision/refs%2Fpr%2F1" => {
            says(model)
        }
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let arguments =
        json!({"query": "m", "author": "o", "tags": ["gguf", "license:mit"], "order": "likes"});
    let found = text(&tools, "hf_models_search", arguments).await;
    assert!(found.contains("- o/m\n  task: text-generation") && found.contains("- o/bare"));
    assert!(found.contains("gated: yes") && !found.contains("private"), "{found}");
    let asked = server.one();
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(asked.field("sort"), Some("likes"));
    let tags: Vec<&str> = asked
        .query
        .iter()
        .filter(|(name, _)| name == "filter")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(tags, ["gguf", "license:mit"]);
    text(&tools, "hf_datasets_search", json!({"limit": 1})).await;

    let info = text(&tools, "hf_model_info", json!({"id": "o/m"})).await;
    for part in ["license: mit", "base_model: o/b, o/c", "parameters: 7", "files: README.md, model"]
    {
        assert!(info.contains(part), "{part}: {info}");
    }
    assert!(!info.contains("datasets:"), "null is nothing: {info}");
    text(&tools, "hf_model_info", json!({"id": "gpt2"})).await;
    text(&tools, "hf_dataset_info", json!({"id": "o/d", "revision": "refs/pr/1"})).await;
    for id in ["", "o/m/x", "../whoami-v2", "o/..", "o/m?x=1", ".hidden"] {
        fails(&tools, "hf_model_info", json!({"id": id}), "argument").await;
    }
}

#[tokio::test]
async fn rows_are_read_of_the_part_that_is_there() {
    let rows = r#"{"features":[{"feature_idx":0,"name":"text","type":{"dtype":"string","_type":"Value"}},
        {"feature_idx":1,"name":"label","type":{"names":["a"],"_type":"ClassLabel"}},
        {"feature_idx":2,"name":"turns","type":[{"role":{"dtype":"string"}}]}],
        "rows":[{"row_idx":5,"row":{"text":"hello\nworld","label":0,"turns":[{"role":"user"}]},
        "truncated_cells":["text"]}],"num_rows_total":100,"num_rows_per_page":100,"partial":false}"#;
    let server = Endpoint::start(move |_, seen| match seen.path.as_str() {
        "/server/splits" => says(
            r#"{"splits":[{"dataset":"o/d","config":"en","split":"test"},
               {"dataset":"o/d","config":"en","split":"train"},
               {"dataset":"o/d","config":"de","split":"train"}],"pending":[],"failed":[{"x":1}]}"#,
        ),
        "/server/size" => says(
            r#"{"size":{"splits":[{"dataset":"o/d","config":"en","split":"train","num_rows":100,
               "num_columns":3,"num_bytes_parquet_files":2048}]},"pending":[],"failed":[]}"#,
        ),
        "/server/rows" | "/server/search" | "/server/filter" => says(rows),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let parts = text(&tools, "hf_dataset_parts", json!({"dataset": "o/d"})).await;
    assert!(parts.contains("- config en, split train\n  rows: 100\n  columns: 3"), "{parts}");
    assert!(parts.contains("- config de, split train") && parts.contains("1 failed"), "{parts}");

    let arguments = json!({"dataset": "o/d", "offset": 5, "limit": 1});
    let found = text(&tools, "hf_dataset_rows", arguments).await;
    assert!(found.contains("config en, split train: 1 rows of 100"), "{found}");
    assert!(found.contains("columns: text: string, label: ClassLabel, turns: nested"), "{found}");
    assert!(found.contains("text: hello world (cut by the server)"), "{found}");
    assert!(found.contains(r#"turns: [{"role":"user"}]"#), "{found}");
    assert!(found.contains("more with offset 6"), "{found}");
    let asked = server.seen().last().unwrap().clone();
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!((asked.field("config"), asked.field("length")), (Some("en"), Some("1")));

    for (field, path, name) in
        [("query", "/server/search", "query"), ("filter", "/server/filter", "where")]
    {
        let mut arguments = json!({"dataset": "o/d", "config": "de"});
        arguments[field] = "\"label\"=1".into();
        text(&tools, "hf_dataset_rows", arguments).await;
        let asked = server.seen().last().unwrap().clone();
        assert_eq!((asked.path.as_str(), asked.field("config")), (path, Some("de")));
        assert_eq!(asked.field(name), Some("\"label\"=1"));
    }
    let wrong = json!({"dataset": "o/d", "config": "fr"});
    let told = fails(&tools, "hf_dataset_rows", wrong, "argument").await;
    assert!(told.contains("en/train"), "{told}");
    let both = json!({"dataset": "o/d", "query": "x", "filter": "y"});
    fails(&tools, "hf_dataset_rows", both, "argument").await;
}

#[tokio::test]
async fn files_are_listed_in_pages_and_read() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/api/datasets/o/d/tree/main/data" => says(
            r#"[{"type":"directory","oid":"1","size":0,"path":"data/en"},
               {"type":"file","oid":"2","size":31,"path":"data/a.json"},
               {"type":"file","oid":"3","size":12000000000,"path":"data/a.bin",
                "lfs":{"oid":"x","size":12000000000,"pointerSize":135}}]"#,
        )
        .with("link", "</api/datasets/o/d/tree/main/data?cursor=abc%3D>; rel=\"next\""),
        "/spaces/o/s/resolve/v1/app/main.py" => answer(200, "text/plain", "import x\n"),
        "/o/m/resolve/main/model.bin" => answer(200, "application/octet-stream", vec![0_u8; 99]),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let arguments = json!({"repo": "o/d", "kind": "dataset", "below": "data/", "recursive": true});
    let listed = text(&tools, "hf_repo_list", arguments).await;
    assert!(
        listed.contains("data/en/\ndata/a.json (31 B)\ndata/a.bin (12 GB, large file storage)")
    );
    assert!(listed.contains("more with cursor abc="), "{listed}");
    assert_eq!(server.one().field("recursive"), Some("true"));
    let arguments =
        json!({"repo": "o/s", "kind": "space", "name": "app/main.py", "revision": "v1"});
    let file = text(&tools, "hf_repo_read", arguments).await;
    assert!(file.contains("app/main.py, lines 1 to 1:\nimport x"), "{file}");
    let arguments = json!({"repo": "o/m", "name": "model.bin"});
    let told = fails(&tools, "hf_repo_read", arguments, "argument").await;
    assert!(told.contains("not text: 99 bytes"), "{told}");
    for name in ["../../api/whoami-v2", "", "/", "a//b"] {
        fails(&tools, "hf_repo_read", json!({"repo": "o/m", "name": name}), "argument").await;
    }
}

#[tokio::test]
async fn the_hub_says_in_a_header_what_its_status_does_not() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/api/models/o/none" => answer(401, "application/json", r#"{"error":"Invalid username"}"#)
            .with("x-error-code", "RepoNotFound"),
        "/api/models/o/gated" => answer(403, "application/json", r#"{"error":"restricted"}"#)
            .with("x-error-code", "GatedRepo"),
        _ => answer(429, "application/json", "{}").with("ratelimit", "\"api\";r=0;t=42"),
    });
    let tools = tools(&server.root(), false);
    fails(&tools, "hf_model_info", json!({"id": "o/none"}), "not_found").await;
    let told = fails(&tools, "hf_model_info", json!({"id": "o/gated"}), "forbidden").await;
    assert!(told.contains("consent to terms") && told.contains("HF_TOKEN"), "{told}");
    let told = fails(&tools, "hf_model_info", json!({"id": "o/m"}), "rate_limited").await;
    assert!(told.contains("42 s") && told.contains("HF_TOKEN"), "{told}");
}
